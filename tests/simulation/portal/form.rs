//! The sign-in of the simulated portal: the form, the one-time code, and what becomes of their answers.

use std::time::Duration;

use secrecy::ExposeSecret;
use tillwatch::portal::{Credential, Page, Portal, PortalError};
use tokio::time::sleep;

use super::{SimPortal, lock};
use crate::books::{Answer, Demand, Refuses};
use crate::codes;
use crate::crash::Point;
use crate::faults::{BAD_CODE, CAPTCHA, CODE, ELSEWHERE, STRANGER, WELCOME, page};

impl SimPortal {
    /// Does the sign-in page say, instead of its form, that somebody else is signed in?
    pub(super) fn form_is_closed(&mut self) -> bool {
        let now = self.now();
        let books = lock(&self.site.books);
        let closed = books.rules.refuses == Refuses::AtTheForm && books.sessions.other_is_in(now);
        drop(books);
        if closed {
            self.came(|came| came.closed_forms += 1);
        }
        closed
    }

    pub(super) async fn send_form(&mut self, credential: &Credential) -> Result<Page, PortalError> {
        let visitor = self.visitor();
        self.drop_kept();
        self.unlock(credential);
        let crash = {
            let faults = self.site.faults.lock().expect("faults");
            self.dice.chance(faults.crash_in_submit)
        };
        sleep(Duration::from_millis(self.dice.between(1, 300))).await;
        let now = self.now();
        let password = credential.password.expose_secret();
        let answer = lock(&self.site.books).sign_in(password, &visitor, now);
        if crash {
            self.site.crash.now(Point::Submit).await;
        }
        if let (Answer::Welcome(cookie), Some(browser)) = (answer, &mut self.browser) {
            browser.cookie = Some(cookie);
        }
        if let Some(page) = self.odd_answer(answer).await? {
            return Ok(page);
        }
        self.say(answer);
        Ok(page_of(answer))
    }

    pub(super) async fn send_code(&mut self, code: &str) -> Result<Page, PortalError> {
        sleep(Duration::from_millis(self.dice.between(1, 300))).await;
        let (visitor, now) = (self.visitor(), self.now());
        let answer = lock(&self.site.books).sign_in_with(code, &visitor, now);
        if let (Answer::Welcome(cookie), Some(browser)) = (answer, &mut self.browser) {
            browser.cookie = Some(cookie);
        }
        if let Some(page) = self.odd_answer(answer).await? {
            return Ok(page);
        }
        self.say(answer);
        Ok(page_of(answer))
    }

    /// The page with the answer is loaded; `Some` where another one comes instead.
    async fn odd_answer(&mut self, answer: Answer) -> Result<Option<Page>, PortalError> {
        let odd = self.load().await;
        if !matches!(odd, Ok(None)) {
            lock(&self.site.books).lose_answer();
        }
        Ok(odd?.map(|odd| match answer {
            Answer::Welcome(_) => odd.page(),
            Answer::WrongPassword
            | Answer::Captcha
            | Answer::Code
            | Answer::WrongCode
            | Answer::Elsewhere
            | Answer::TooMany
            | Answer::Locked => page(STRANGER),
        }))
    }

    /// What the portal answered has reached the agent.
    fn say(&mut self, answer: Answer) {
        let now = self.now();
        let mut books = lock(&self.site.books);
        let waits = if answer == Answer::Code {
            codes::WAIT
        } else {
            Duration::ZERO
        };
        books.answered(now + waits);
        match answer {
            Answer::Welcome(_) | Answer::TooMany | Answer::Locked => return,
            Answer::Elsewhere => return books.sessions.told_of_other(now),
            Answer::Code | Answer::WrongCode => {}
            Answer::WrongPassword => {
                if let Some(wrong) = books.wrong.last_mut() {
                    wrong.told = Some(now);
                }
            }
            Answer::Captcha => {
                if let Some(browser) = &mut self.browser {
                    browser.captcha = true;
                    (books.captcha_in, books.solved) = (Some(browser.number), None);
                }
            }
        }
        books.demands.push(Demand {
            at: now,
            what: answer,
        });
        drop(books);
        self.came(|came| came.captchas += u64::from(answer == Answer::Captcha));
    }
}

fn page_of(answer: Answer) -> Page {
    page(match answer {
        Answer::Welcome(_) => WELCOME,
        Answer::WrongPassword => {
            "<html><body><p class=wrong>Wrong password</p><form id=login></form></body></html>"
        }
        Answer::Captcha => CAPTCHA,
        Answer::Code => CODE,
        Answer::WrongCode => BAD_CODE,
        Answer::Elsewhere => ELSEWHERE,
        Answer::TooMany => "<html><body><p class=many>Too many logins</p></body></html>",
        Answer::Locked => "<html><body><p class=locked>User locked</p></body></html>",
    })
}
