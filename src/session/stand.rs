//! How an account stands with its portal: every state, every event, and a written answer for each pair. Pure.

/// Where the session of an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stand {
    /// No session that we know of; a probe may still find one.
    SignedOut,
    /// An attempt is on disk and its outcome not known yet.
    SigningIn,
    /// Only a person can take the sign-in further.
    WaitingForPerson,
    /// The last page bore the signed-in mark.
    SignedIn,
    /// The session that we had is over.
    Expired,
    /// Handed to a person: hands off until resumed.
    Paused,
    /// The portal's verdict: no sign-in before the credential changes or a person says so.
    Stopped,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A page bears the signed-in mark.
    PageIn,
    /// A page asks for a sign-in.
    PageOut,
    /// The browser and its cookies are gone.
    BrowserLost,
    /// An attempt was put on disk; the click follows.
    Attempt,
    /// The portal did not let us in, and may later.
    Later,
    /// The portal asks for what only a person has.
    PersonNeeded,
    /// The portal's verdict on the credential.
    Refused,
    /// A person takes the account over.
    Pause,
    /// A person gives it back.
    Resume,
    /// The secret is another one.
    CredentialChanged,
}

/// What an account does when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Read: when the page asks for it, sign in.
    Read,
    /// Look whether the person is done, and touch nothing.
    Look,
    /// Ask whether the credential changed; no page is asked for.
    AskCredential,
    /// Nothing.
    Rest,
}

impl Stand {
    /// Every state.
    pub const ALL: [Stand; 7] = [
        Stand::SignedOut,
        Stand::SigningIn,
        Stand::WaitingForPerson,
        Stand::SignedIn,
        Stand::Expired,
        Stand::Paused,
        Stand::Stopped,
    ];

    /// The word in status and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stand::SignedOut => "signed-out",
            Stand::SigningIn => "signing-in",
            Stand::WaitingForPerson => "waiting-for-person",
            Stand::SignedIn => "signed-in",
            Stand::Expired => "expired",
            Stand::Paused => "paused",
            Stand::Stopped => "stopped",
        }
    }

    /// What the next turn does.
    #[must_use]
    pub fn act(self) -> Act {
        match self {
            // A reading is the cheapest probe there is: a session that lives gives its payments at once.
            Stand::SignedOut | Stand::SigningIn | Stand::SignedIn | Stand::Expired => Act::Read,
            Stand::WaitingForPerson => Act::Look,
            Stand::Stopped => Act::AskCredential,
            Stand::Paused => Act::Rest,
        }
    }

    /// The state after `event`.
    #[must_use]
    pub fn after(self, event: Event) -> Stand {
        match (self, event) {
            // What a person decided holds until a person decides otherwise, whatever a page says meanwhile.
            (_, Event::Pause) => Stand::Paused,
            (Stand::Paused | Stand::Stopped, Event::Resume)
            | (Stand::Stopped | Stand::WaitingForPerson, Event::CredentialChanged)
            | (Stand::WaitingForPerson | Stand::SigningIn, Event::Resume | Event::BrowserLost) => {
                Stand::SignedOut
            }
            (Stand::Paused, _) => Stand::Paused,
            // A verdict stands even beside a session that lives: the next sign-in would be with the same secret.
            (_, Event::Refused) => Stand::Stopped,
            (Stand::Stopped, _) => Stand::Stopped,
            (_, Event::PersonNeeded) => Stand::WaitingForPerson,
            (_, Event::PageIn) => Stand::SignedIn,
            (_, Event::Attempt) => Stand::SigningIn,
            // The form is what a person looks at while signing in.
            (Stand::WaitingForPerson, Event::PageOut | Event::Later) => Stand::WaitingForPerson,
            (Stand::SignedIn | Stand::Expired, Event::PageOut | Event::BrowserLost) => {
                Stand::Expired
            }
            (Stand::SignedOut | Stand::SigningIn, Event::PageOut | Event::Later)
            | (Stand::SignedOut, Event::BrowserLost) => Stand::SignedOut,
            (Stand::SignedIn | Stand::Expired, Event::Later) => Stand::Expired,
            (
                Stand::SignedOut | Stand::SigningIn | Stand::SignedIn | Stand::Expired,
                Event::Resume | Event::CredentialChanged,
            ) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 10] = [
        Event::PageIn,
        Event::PageOut,
        Event::BrowserLost,
        Event::Attempt,
        Event::Later,
        Event::PersonNeeded,
        Event::Refused,
        Event::Pause,
        Event::Resume,
        Event::CredentialChanged,
    ];

    /// One line each state: what follows from each event, in the order of `EVENTS`.
    #[test]
    fn every_event_in_every_state_has_its_answer() {
        let table: Vec<String> = Stand::ALL
            .iter()
            .map(|stand| {
                let after = EVENTS.map(|event| stand.after(event).as_str()).join(" ");
                format!("{}: {after}", stand.as_str())
            })
            .collect();
        assert_eq!(
            table,
            [
                // PageIn PageOut BrowserLost Attempt Later PersonNeeded Refused Pause Resume CredentialChanged
                "signed-out: signed-in signed-out signed-out signing-in signed-out waiting-for-person stopped paused signed-out signed-out",
                "signing-in: signed-in signed-out signed-out signing-in signed-out waiting-for-person stopped paused signed-out signing-in",
                "waiting-for-person: signed-in waiting-for-person signed-out signing-in waiting-for-person waiting-for-person stopped paused signed-out signed-out",
                "signed-in: signed-in expired expired signing-in expired waiting-for-person stopped paused signed-in signed-in",
                "expired: signed-in expired expired signing-in expired waiting-for-person stopped paused expired expired",
                "paused: paused paused paused paused paused paused paused paused signed-out paused",
                "stopped: stopped stopped stopped stopped stopped stopped stopped paused signed-out signed-out",
            ]
        );
    }

    #[test]
    fn nothing_is_asked_of_a_portal_that_refused_or_that_a_person_has() {
        let acts = Stand::ALL.map(|stand| (stand.as_str(), stand.act()));
        assert_eq!(
            acts,
            [
                ("signed-out", Act::Read),
                ("signing-in", Act::Read),
                ("waiting-for-person", Act::Look),
                ("signed-in", Act::Read),
                ("expired", Act::Read),
                ("paused", Act::Rest),
                ("stopped", Act::AskCredential),
            ]
        );
    }
}
