"""The browser and the sign-in that both scripts share. Arguments: origin, number, user, password, day (DD-MM-YYYY)."""

import sys

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ORIGIN, NUMBER, USER, PASSWORD, DAY = sys.argv[1:6]
STATEMENT = f"{ORIGIN}/statement.action?from={DAY}&to={DAY}"


def start():
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def sign_in(driver):
    driver.get(f"{ORIGIN}/orglogin.action")
    for field, text in (("shortcode", NUMBER), ("username", USER), ("password", PASSWORD)):
        driver.find_element(By.ID, field).send_keys(text)
    driver.find_element(By.ID, "login-button").click()
    WebDriverWait(driver, 30).until(lambda page: page.find_elements(By.ID, "operator-name"))


def serve(poll):
    """One poll per line on standard input, answered by how many rows it read."""
    print("ready", flush=True)
    for _ in sys.stdin:
        print(poll(), flush=True)
