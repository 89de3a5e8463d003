"""What is often written first: a new browser and a sign-in for every poll, and one call per cell."""

from browser import STATEMENT, serve, sign_in, start
from selenium.webdriver.common.by import By


def poll():
    driver = start()
    try:
        sign_in(driver)
        driver.get(STATEMENT)
        rows = []
        for row in driver.find_elements(By.CSS_SELECTOR, "table#statement tr"):
            cells = [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
            if len(cells) == 13:
                rows.append(cells)
        return len(rows)
    finally:
        driver.quit()


serve(poll)
