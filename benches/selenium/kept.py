"""A careful script: one browser, one sign-in, one script call per poll."""

from browser import STATEMENT, serve, sign_in, start

ROWS = """return [...document.querySelectorAll('table#statement tr')]
    .map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))
    .filter((cells) => cells.length === 13)"""

driver = start()
sign_in(driver)


def poll():
    driver.get(STATEMENT)
    return len(driver.execute_script(ROWS))


serve(poll)
driver.quit()
