#!/usr/bin/env python3
"""Makes the recordings of the portals in `selectors/` that have no demo portal. Needs xlwt (PyPI) for the one .xls file.

Headers, formats and oddities are those that operators' exports and public code about their portals show; people and
numbers are invented. The same run gives the same files. What the pages must give is written by `tillwatch portal test
--accept` and read over by a person.
"""
import csv
import html
import io
import random
from datetime import datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIRST = ["JANE", "JOHN", "GRACE", "LUCY", "PETER", "AMINA", "MOSES", "FATOU", "KOFI", "ESTHER"]
LAST = "ABDKMNOSTW"


def folder(portal):
    """`portal` alone, or `portal/name of the recording`."""
    folder = HERE / (portal if "/" in portal else f"{portal}/pages")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save(portal, name, text):
    (folder(portal) / name).write_text(text, encoding="utf-8")


def recording(portal, number, *steps, zone=None):
    """`steps` say what a page is, its file, and the path and query that it answers; `zone` where it is not the file's."""
    lines = ["format = 1", "recorded = \"2026-11-21T09:03:00Z\"", f"number = \"{number}\""]
    lines += [f"zone = \"{zone}\""] if zone else []
    for is_, name, at in steps:
        lines += ["", "[[step]]", f"is = \"{is_}\"", f"file = \"{name}\""]
        lines += [f"at = \"{at}\""] if at else []
    save(portal, "recording.toml", "\n".join(lines) + "\n")


def page(title, body):
    return f"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n{body}\n</body></html>\n"


def row(cells, tag="td"):
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell, quote=False)}</{tag}>" for cell in cells) + "</tr>"


def name(dice):
    return f"{dice.choice(FIRST)} {dice.choice(LAST)}."


def receipt(dice, at):
    """Huawei: letters of year, month and day, then seven others."""
    day = "123456789ABCDEFGHIJKLMNOPQRSTUV"[at.day - 1]
    head = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at.year - 2006] + "ABCDEFGHIJKL"[at.month - 1] + day
    return head + "".join(dice.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=7))


def kes(amount):
    return f"{amount:,.2f}"


HUAWEI = ["Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn",
          "Balance", "Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No."]


def huawei_login(portal, words):
    form = ("<form id=\"loginForm\" action=\"orglogin.action\" method=\"post\">\n<input name=\"shortCode\"> <input name=\"userName\">\n"
            "<input type=\"password\" name=\"password\"> <input name=\"verifyCode\"><img id=\"verifyImg\" alt=\"Verification Code displayed\">\n"
            "<button id=\"login\">{}</button>\n</form>").format(words)
    save(portal, "login.html", page("Login", form))
    wrong = "<p class=\"errorMessage\">The user name or password is incorrect.</p>\n"
    save(portal, "wrong-password.html", page("Login", wrong + form))
    locked = "<p class=\"errorMessage\">The security credential is locked.</p>\n"
    save(portal, "locked.html", page("Login", locked + form))


def signed_in(user, rest):
    return f"<div id=\"topbar\">Operator: <span id=\"operatorName\">{user}</span> <a href=\"orglogout.action\">Logout</a></div>\n{rest}"


def huawei_ke_org():
    dice = random.Random(1)
    at = datetime(2026, 11, 21, 11, 58, 3)
    balance = 812_000
    rows, charge_of = [], None
    for number in range(14):
        amount = dice.choice([50, 100, 250, 500, 1000, 1500, 2349.5])
        party = f"2547{dice.randint(10, 99)}***{dice.randint(100, 999)} - {name(dice)}"
        begun, account = at - timedelta(seconds=dice.randint(3, 9)), f"ACC-{dice.randint(9000, 9999)}"
        code = receipt(dice, at)
        line = [code, at.strftime("%d-%m-%Y %H:%M:%S"), begun.strftime("%d-%m-%Y %H:%M:%S")]
        if number == 4:  # a business's own payment, and its charge under the same receipt
            line += ["Business Payment to Customer via API", "Completed", "", "-1,200.00", kes(balance), "TRUE",
                     "Business Payment to Customer via API", party, "", ""]
            rows.append(line)
            charge = line[:3] + ["Business Payment Charge", "Completed", "", "-8.00", kes(balance + 1200), "TRUE",
                                 "Business Payment Charge", "", "", ""]
            rows.append(charge)
            balance += 1208
        elif number == 7:  # a reversal of a payment further down
            rows.append(line + ["Organization Reversal", "Completed", "", "-500.00", kes(balance), "TRUE",
                                "Org Reversal", party, "UKLB0R1G1N", ""])
            balance += 500
        elif number == 9:
            rows.append(line + [f"Pay Bill from {party} Acc. {account}", "Cancelled", kes(amount), "", "", "false",
                                "Pay Bill Online", party, "", account])
        elif number == 11:
            line[1] = ""
            rows.append(line + [f"Pay Bill from {party} Acc. {account}", "Pending Authorized", kes(amount), "", "", "false",
                                "Pay Bill Online", party, "", account])
        else:
            rows.append(line + [f"Pay Bill from {party} Acc. {account}", "Completed", kes(amount), "", kes(balance), "true",
                                "Pay Bill Online", party, "", account])
            balance -= amount
        at -= timedelta(seconds=dice.randint(20, 900))
    table = "<table id=\"statement\">\n" + row(HUAWEI, "th") + "\n" + "\n".join(map(row, rows)) + "\n</table>"
    extra = "\n<p id=\"total\">Total 214 records</p><a class=\"next\" href=\"statement.action?page=2\">Next</a>"
    save("huawei-ke-org", "statement.html", page("Organization statement", signed_in("WEB OPERATOR 1", table + extra)))
    empty = "<table id=\"statement\">\n" + row(HUAWEI, "th") + "\n<tr><td class=\"empty\" colspan=\"13\">No records found</td></tr>\n</table>"
    save("huawei-ke-org", "empty.html", page("Organization statement", signed_in("WEB OPERATOR 1", empty)))
    huawei_login("huawei-ke-org", "Login")
    recording("huawei-ke-org", "600123", ("sign-in", "login.html", "/orglogin.action"), ("submitted", "wrong-password.html", ""), ("submitted", "locked.html", ""),
              ("table", "statement.html", "/statement.action?from=20-11-2026&to=21-11-2026"),
              ("table", "empty.html", "/statement.action?from=01-01-2026&to=02-01-2026"))


def huawei_ke_till():
    dice = random.Random(2)
    at = datetime(2026, 11, 21, 11, 40, 59)
    preamble = ["Account Holder:|600124 - MWANGAZA SOLAR", "Short Code:|600124", "Account:|Merchant Account",
                "Time Period:|From 20-11-2026 00:00:00 To 21-11-2026 23:59:59", "Operator:|WEB OPERATOR 2",
                "Date of Report:|21-11-2026 12:01:10"]
    rows, balance = [], 41_000
    for number in range(9):
        stamp = at.strftime("%d-%m-%Y %H:%M:%S")
        amount, code = dice.choice([20, 50, 200, 1000]), receipt(dice, at)
        party = f"07{dice.randint(10, 99)}***{dice.randint(100, 999)} - {name(dice)}"
        if number == 3:
            rows.append([code, stamp, stamp, "Merchant Account to Organization Settlement Account", "Completed", "",
                         "-15,000.00", kes(balance), "true", "Merchant to Organization Settlement", "600124 - MWANGAZA SOLAR", "", ""])
            balance += 15_000
        else:
            rows.append([code, stamp, stamp, "Pay merchant Charge", "Completed", "", f"-{amount * 0.0055:.2f}", kes(balance), "true",
                         "Pay merchant Charge", "", "", ""])
            balance += amount * 0.0055
            rows.append([code, stamp, stamp, f"Customer Merchant Payment from {party}", "Completed", kes(amount), "", kes(balance), "true",
                         "Customer Buy Goods Online", party, "", ""])
            balance -= amount
        at -= timedelta(seconds=dice.randint(30, 1500))
    lines = ["<tr><td>{}</td><td colspan=\"12\">{}</td></tr>".format(*line.split("|")) for line in preamble]
    table = "<table id=\"statement\">\n" + "\n".join(lines + [row(HUAWEI)] + list(map(row, rows))) + "\n</table>"
    save("huawei-ke-till", "statement.html", page("Till statement", signed_in("WEB OPERATOR 2", table)))
    empty = "<table id=\"statement\">\n" + "\n".join(lines + [row(HUAWEI)]) + "\n<tr><td class=\"empty\" colspan=\"13\">No records found</td></tr>\n</table>"
    save("huawei-ke-till", "empty.html", page("Till statement", signed_in("WEB OPERATOR 2", empty)))
    huawei_login("huawei-ke-till", "Login")
    recording("huawei-ke-till", "600124", ("sign-in", "login.html", "/orglogin.action"), ("submitted", "wrong-password.html", ""), ("submitted", "locked.html", ""),
              ("table", "statement.html", "/statement.action?from=20-11-2026&to=21-11-2026"),
              ("table", "empty.html", "/statement.action?from=01-01-2026&to=02-01-2026"))


def huawei_ci():
    dice = random.Random(3)
    head = ["Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Currency", "Paid In", "Withdrawn",
            "Balance", "Reason Type", "Opposite Party", "Linked Transaction ID", "Remark"]
    period = datetime(2026, 11, 20, 23, 59, 53)
    rows, balance = [], 305_000
    for number in range(16):
        at = period - timedelta(seconds=71 * number)
        amount = dice.choice([500, 1000, 2000, 5000])
        party = f"22501{dice.randint(10000000, 99999999)} - {name(dice)}"
        begun = at - timedelta(seconds=8)
        if number % 4 in (1, 2):  # begun before midnight, given up after the period of the report
            swept = datetime(2026, 11, 21, 0, 10 + 15 * (number % 2), 5)
            rows.append([receipt(dice, begun), "\t" + swept.strftime("%d-%m-%Y %H:%M:%S"), "\t" + begun.strftime("%d-%m-%Y %H:%M:%S"),
                         f"Merchant payment from {party}", "Expired", "XOF", str(amount), "", "", "Merchants Online Payment", party, "", ""])
        elif number == 8:
            rows.append([receipt(dice, at), "\t" + at.strftime("%d-%m-%Y %H:%M:%S"), "\t" + begun.strftime("%d-%m-%Y %H:%M:%S"),
                         "Salary Payment via API", "Completed", "XOF", "", "-1000", str(balance), "Salary Payment via API", party, "", ""])
            balance += 1000
        else:
            rows.append([receipt(dice, at), "\t" + at.strftime("%d-%m-%Y %H:%M:%S"), "\t" + begun.strftime("%d-%m-%Y %H:%M:%S"),
                         f"Merchant payment from {party}", "Completed", "XOF", str(amount), "", str(balance), "Merchants Online Payment", party,
                         "", f"CMD {dice.randint(100, 999)}"])
            balance -= amount
    preamble = ["Account Holder:|SOLEIL SA", "Short Code:|000600125", "Account:|All Account", "Time Period:|From 20-11-2026 To 20-11-2026",
                "Operator:|OP1"]
    lines = ["<tr><td>{}</td><td colspan=\"12\">{}</td></tr>".format(*line.split("|")) for line in preamble]
    table = "<table id=\"statement\">\n" + "\n".join(lines + [row(head)] + list(map(row, rows))) + "\n</table>"
    save("huawei-ci", "statement.html", page("Organization statement", signed_in("OP1", table)))
    empty = "<table id=\"statement\">\n" + "\n".join(lines + [row(head)]) + "\n<tr><td class=\"empty\" colspan=\"13\">No records found</td></tr>\n</table>"
    save("huawei-ci", "empty.html", page("Organization statement", signed_in("OP1", empty)))
    huawei_login("huawei-ci", "Connexion")
    recording("huawei-ci", "600125", ("sign-in", "login.html", "/orglogin.action"), ("submitted", "wrong-password.html", ""), ("submitted", "locked.html", ""),
              ("table", "statement.html", "/statement.action?from=20-11-2026&to=21-11-2026"),
              ("table", "empty.html", "/statement.action?from=01-01-2026&to=02-01-2026"))


def mtn_partner():
    """Vaadin: header and body are two tables, and buttons are `div`s."""
    dice = random.Random(4)
    head = ["Id", "Date", "Note/Message", "From", "From Name", "To", "To Name", "Amount", "Balance"]
    at, number_of, balance = datetime(2026, 11, 21, 11, 30, 2), 14548812345, 920_000
    rows = []
    for number in range(12):
        amount = dice.choice([1000, 2500, 7000, 27200])
        payer, who = f"FRI:2567{dice.randint(10000000, 99999999)}/MSISDN", name(dice)
        stamp = at.strftime("%Y-%m-%d %H:%M:%S")
        if number == 5:
            rows.append([str(number_of), stamp, "", "FRI:81760021/MM", "MWANGA LTD", payer, who, "UGX -50,000", f"UGX {balance:,}"])
            balance += 50_000
        else:
            rows.append([str(number_of), stamp, f"acc {dice.randint(9000, 9999)}", payer, who, "FRI:81760021/MM", "MWANGA LTD", f"UGX {amount:,}", f"UGX {balance:,}"])
            balance -= amount
        number_of -= dice.choice([3, 11, -2, 40])  # by Date the ids are not in order
        at -= timedelta(seconds=dice.randint(15, 1200))
    header = "<div class=\"v-table-header-wrap\"><table>" + row(head) + "</table></div>"
    body = "<div class=\"v-table-body\"><table class=\"v-table-table\">\n" + "\n".join(
        row(line).replace("<tr>", "<tr class=\"v-table-row\">") for line in rows) + "\n</table></div>"
    view = ("<div id=\"BreadCrumb0\">FRI:81760021/MM</div>\n<div id=\"VIEW_ACCOUNT_TABLE_TRANSACTIONS_SUCCESSFUL\">{}\n{}</div>\n"
            "<div id=\"TABLE_INFO_LABEL\">{}</div><div id=\"PAGED_TREE_TABLE_NEXT_BUTTON\" class=\"v-button\">&gt;</div>")
    save("mtn-partner", "transactions.html", page("Partner", view.format(header, body, "1-12 of 96")))
    nothing = "<div id=\"EMPTY_LABEL\">No transactions found</div>"
    save("mtn-partner", "empty.html", page("Partner", view.format(header, nothing, "0-0 of 0")))
    login = ("<div id=\"VIEW_LOGIN\"><input id=\"FIELD_USERNAME\"><input type=\"password\" id=\"FIELD_PASSWORD\">"
             "<div id=\"VIEW_LOGIN_BUTTON_LOGIN_BUTTON\" class=\"v-button\">Login</div></div>")
    save("mtn-partner", "login.html", page("Partner", login))
    save("mtn-partner", "wrong-password.html", page("Partner", "<div class=\"v-Notification-error\">Wrong username or password</div>\n" + login))
    otp = "<div class=\"v-window\"><div id=\"VIEW_SECONDARY_LOGIN_MESSAGE\">Enter the code sent to your phone</div><input id=\"VIEW_SECONDARY_LOGIN_CODE\"><div id=\"VIEW_SECONDARY_LOGIN_BUTTON_OK\" class=\"v-button\">OK</div></div>"
    save("mtn-partner", "otp.html", page("Partner", otp))
    recording("mtn-partner", "81760021", ("sign-in", "login.html", "/partner/"), ("submitted", "wrong-password.html", ""), ("submitted", "otp.html", ""),
              ("table", "transactions.html", ""), ("table", "empty.html", ""))


def airtel_ug():
    dice = random.Random(5)
    head = ["Transaction ID", "Transaction Date", "Description", "Status", "Transaction Amount", "Credit/Debit", "Fee", "Balance"]
    at, balance = datetime(2026, 11, 21, 11, 51), 1_204_000
    rows = []
    for number in range(12):
        amount = dice.choice([500, 2000, 27200, 60000])
        code, stamp = str(149730678579 - 7919 * number), at.strftime("%d-%m-%y %H:%M" if number % 3 else "%d-%m-%y %I:%M %p")
        other = f"7{dice.randint(10000000, 99999999)} {name(dice)}"
        if number == 4:
            rows.append([code, stamp, f"Sent Money To {other}", "Transaction Success", f"{amount:,}", "Debit", "1,000", f"{balance:,}"])
            balance += amount + 1000
        elif number == 8:
            rows.append([code, stamp, f"Received From {other}", "Transaction Failed", f"{amount:,}", "Credit", "0", ""])
        elif number == 9:
            rows.append([code, stamp, "Reversed Transaction 149730000001", "Transaction Success", f"{amount:,}", "Debit", "0", f"{balance:,}"])
            balance += amount
        else:
            rows.append([code, stamp, f"Received From {other}", "Transaction Success", f"{amount:,}", "Credit", "0", f"{balance:,}"])
            balance -= amount
        at -= timedelta(minutes=dice.randint(1, 40))
    table = ("<table id=\"txn\">\n<tr><td>Mobile Number</td><td colspan=\"7\">700000000</td></tr>\n" + row(head, "th") + "\n" +
             "\n".join(map(row, rows)) + "\n</table>\n<a class=\"next\" href=\"?page=2\">Next &raquo;</a>")
    bar = "<div class=\"welcome\">Welcome <b id=\"user\">MERCHANT1</b></div>\n"
    save("airtel-ug", "transactions.html", page("Transactions", bar + table))
    empty = "<table id=\"txn\">\n" + row(head, "th") + "\n<tr><td colspan=\"8\" class=\"none\">No data available in table</td></tr>\n</table>"
    save("airtel-ug", "empty.html", page("Transactions", bar + empty))
    login = "<form id=\"signin\" method=\"post\"><input id=\"username\"><input id=\"password\" type=\"password\"><button id=\"go\">Sign in</button></form>"
    save("airtel-ug", "login.html", page("Sign in", login))
    save("airtel-ug", "wrong-password.html", page("Sign in", "<div class=\"alert-danger\">Invalid username or password</div>\n" + login))
    recording("airtel-ug", "700000000", ("sign-in", "login.html", "/login"), ("submitted", "wrong-password.html", ""),
              ("table", "transactions.html", "/transactions?from=20-11-2026&to=21-11-2026"),
              ("table", "empty.html", "/transactions?from=01-01-2026&to=02-01-2026"))


def ezeemoney():
    """ASP.NET: a postback grid whose pager is a row of the table."""
    dice = random.Random(6)
    head = ["Trans. ID", "Trans. Datetime", "Trans. Description", "Card ID", "Terminal", "Debit", "Credit", "Running Balance"]
    at, number_of, balance = datetime(2026, 11, 21, 11, 8, 58), 88123, 410_500
    rows = []
    for number in range(11):
        amount = dice.choice([1000, 5000, 12000])
        line = [str(number_of), at.strftime("%d/%m/%Y %H:%M:%S"), f"Bill payment {dice.randint(9000, 9999)}", f"4500{dice.randint(1000, 9999)}", f"T{dice.randint(10, 99)}"]
        if number == 6:
            rows.append(line + [f"{amount:,.2f}", "", f"{balance:,.2f}"])
            balance += amount
        else:
            rows.append(line + ["", f"{amount:,.2f}", f"{balance:,.2f}"])
            balance -= amount
        number_of -= dice.randint(1, 9)
        at -= timedelta(seconds=dice.randint(30, 2000))
    pager = ("<tr class=\"pager\"><td colspan=\"8\"><table><tr><td><span>1</span></td>"
             "<td><a href=\"javascript:__doPostBack('ctl00$MainContent$gvData','Page$2')\">2</a></td></tr></table></td></tr>")
    grid = "<table id=\"MainContent_gvData\">\n" + "\n".join([row(head, "th")] + list(map(row, rows)) + [pager]) + "\n</table>"
    form = "<form id=\"ctl01\" method=\"post\"><input type=\"hidden\" name=\"__VIEWSTATE\" value=\"dDwtMTI3OTMzNDM4NDs7Pg==\">\n{}\n</form>"
    bar = "<span id=\"lblUser\">agent7</span> <a id=\"lnkLogout\" href=\"Logout.aspx\">Log out</a>\n"
    save("ezeemoney", "transactions.html", page("Transactions", form.format(bar + grid)))
    empty = "<table id=\"MainContent_gvData\"><tr><td colspan=\"8\">No transactions for this period.</td></tr></table>"
    save("ezeemoney", "empty.html", page("Transactions", form.format(bar + empty)))
    login = "<input id=\"txtUserID\"><input id=\"txtPassword\" type=\"password\"><input id=\"btnLogin\" type=\"submit\" value=\"Login\">"
    save("ezeemoney", "login.html", page("Login", form.format(login)))
    save("ezeemoney", "wrong-password.html", page("Login", form.format("<span id=\"lblError\">Invalid user ID or password.</span>" + login)))
    recording("ezeemoney", "700000001", ("sign-in", "login.html", "/NoTACLogin.aspx"), ("submitted", "wrong-password.html", ""),
              ("table", "transactions.html", "/Transactions.aspx"), ("table", "empty.html", ""))


def export_pages(portal, number, link, export, zone=None):
    """A portal that shows a form to sign in, and a page with a link to its export."""
    login = "<form id=\"signin\" method=\"post\" action=\"/login\"><input id=\"username\" name=\"username\"><input id=\"password\" name=\"password\" type=\"password\"><button id=\"go\">Sign in</button></form>"
    save(portal, "login.html", page("Sign in", login))
    save(portal, "wrong-password.html", page("Sign in", "<div class=\"error\">Wrong user name or password</div>\n" + login))
    body = f"<p>Signed in as <b id=\"user\">merchant</b></p>\n<a class=\"export\" href=\"{link}\">Export</a>"
    save(portal, "transactions.html", page("Transactions", body))
    recording(portal, number, ("sign-in", "login.html", "/login"), ("submitted", "wrong-password.html", ""),
              ("page", "transactions.html", "/transactions"), ("download", export, link), zone=zone)


def write_csv(lines, delimiter=",", end="\r\n"):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(lines)
    return text.getvalue()


MTN = ("Id,External id,Date,Status,Type,Provider category,From,From name,From handler name,To,To name,To handler name,To message,Initiated by,"
       "Initiated by,On behalf of,On behalf of,Approved by,From / Fee,Currency,From / External fee,Currency,To / Fee,Currency,To / External fee,"
       "Currency,From / Refunded fee,Currency,To / Refunded fee,Currency,From / Taxes,Currency,To / Taxes,Currency,From / Refunded taxes,Currency,"
       "To / Refunded taxes,Currency,Discount,Currency,From / Promotion,Currency,To / Promotion,Currency,Coupon,Currency,Amount,Currency,Balance,"
       "Currency,External amount,Currency,External FX rate,External service provider").split(",")


def mtn_export(portal, number, with_accounts, currency, prefix):
    dice = random.Random(7 + with_accounts)
    at, code = datetime(2026, 11, 20, 23, 59, 43), 14540012345
    head = list(MTN)
    if with_accounts:
        head.insert(head.index("From") + 1, "From account")
        head.insert(head.index("To") + 1, "To account")
    own, lines = f"FRI:{number}/MM", [head]
    for turn in range(12):
        line = dict.fromkeys(range(len(head)), "")
        def put(column, value, nth=0):
            line[[i for i, name in enumerate(head) if name == column][nth]] = value
        amount, who = dice.choice([500, 1000, 2500, 9750]), name(dice)
        payer = f"FRI:{prefix}{dice.randint(10000000, 99999999)}/MSISDN"
        put("Id", str(code)), put("Date", at.strftime("%Y-%m-%d %H:%M:%S")), put("Status", "Successful")
        put("External id", f"1761{dice.randint(100000, 999999)}" + ("_ENV_TOP" if turn % 5 == 0 else ""))
        put("Initiated by", "ID:MERCHANT/USER"), put("Currency", currency, head[: head.index("Amount")].count("Currency"))
        if turn == 6:
            put("Type", "Transfer"), put("From", own), put("From name", "MWANGA LTD"), put("To", payer), put("To name", who), put("Amount", "-20000")
        elif turn == 9:
            put("Type", "Reversal"), put("From", own), put("From name", "MWANGA LTD"), put("To", payer), put("To name", who), put("Amount", f"-{amount}")
        else:  # the payer is debited: the account is credited
            put("Type", "Debit"), put("From", payer), put("From name", who), put("To", own), put("To name", "MWANGA LTD"), put("Amount", str(amount))
            put("To / Fee", str(amount // 100)), put("Currency", currency, head[: head.index("To / Fee")].count("Currency"))
        lines.append([line[i] for i in range(len(head))])
        code -= dice.choice([5, 17]) - 9 * (turn % 4 == 2)  # by Date the ids are not in order
        at -= timedelta(seconds=dice.choice([102, 67, 900, 4000]))
    (folder(portal) / "export.csv").write_bytes(write_csv(lines).encode())
    export_pages(portal, number, "/export.csv", "export.csv", "Africa/Abidjan" if with_accounts else None)


def orange_bf():
    dice = random.Random(9)
    head = "TRANSFER_DATE,TRANSFER_STATUS,TRANSFER_ID,ORDER_ID,MSISDN,REFERENCE_NUMBER,STATEMENT,TRANSFER_AMOUNT,CREDIT,DEBIT,FEES,PREVIOUS_BAL,AFTER_BAL,REMARKS,FTXN_ID".split(",")
    at, lines = datetime(2026, 11, 20, 18, 2, 11), [head]
    for turn in range(10):
        amount, payer = dice.choice([500, 1000, 5825]), f"0{dice.randint(1000000, 9999999)}"
        before = dice.randint(-2_000_000_000, 900_000)
        uuid = "%08x-%04x-4%03x-a%03x-%012x" % tuple(dice.getrandbits(bits) for bits in (32, 16, 12, 12, 48))
        code = f"{'MP' if turn != 4 else 'CO'}{at:%y%m%d.%H%M}.C{dice.randint(10000, 99999)}"
        paid_out = turn == 4
        lines.append([at.strftime("%d/%m/%Y %H:%M:%S"), "TS" if turn != 7 else "TF", code, str(dice.randint(10**6, 10**7)), "57000000", uuid,
                      f"57000000 Money Sent to {payer}" if paid_out else f"57000000 Money Received from {payer}", str(amount),
                      "0" if paid_out else str(amount), str(amount) if paid_out else "0", "0", str(before),
                      str(before - amount if paid_out else before + amount), "OTP Cashout" if paid_out else "", ""])
        at -= timedelta(seconds=dice.randint(60, 5000))
    (folder("orange-bf") / "export.csv").write_bytes(write_csv(lines).encode())
    export_pages("orange-bf", "57000000", "/export.csv", "export.csv")


def airtel_rw():
    dice = random.Random(10)
    head = ["TRANSFER_ID ", " TRANSFER_DATE", "SENDER_NAME", "PAYEE_NAME ", "USER_ACCOUNT_NUMBER", "RECEIVER_ACCOUNT_NUMBER", "POST_BALANCE",
            "PAYEE_POST_BALANCE", " TRANSACTION_AMOUNT"]
    at, balance = datetime(2026, 11, 20, 10, 11, 12), 700_300
    lines = [["Airtel Money"], ["Account", "730000000"], ["From", "20-Nov-2026", "To", "20-Nov-2026"], [], head]
    for turn in range(11):
        amount = 0 if turn == 5 else dice.choice([1000, 2000, 12500])
        other, who = f"73{dice.randint(1000000, 9999999)}", name(dice)
        code = f"MP{at:%y%m%d.%H%M}.C{dice.randint(10000, 99999)}"
        stamp, theirs = at.strftime("%d-%b-%Y %H:%M:%S"), dice.randint(10, 90_000)
        if turn == 3:
            lines.append([code, stamp, "KIGALI LIGHT", who, "730000000", other, str(balance), str(theirs), str(amount)])
            balance += amount
        else:
            lines.append([code, stamp, who, "KIGALI LIGHT", other, "730000000", str(theirs), str(balance), str(amount)])
            balance -= amount
        at -= timedelta(seconds=dice.randint(60, 5000))
    (folder("airtel-rw") / "report.csv").write_bytes(write_csv(lines).encode())
    login = ("<html><frameset><frame id=\"main\" src=\"/AirtelMoney/login.action\"></frameset></html>")
    save("airtel-rw", "frames.html", login)
    form = ("<framed-page id=\"main\"><form><input id=\"login_doaccesscodes_loginId\"><input id=\"passid\" type=\"password\">"
            "<input type=\"submit\" id=\"login_doaccesscodes_0\"></form></framed-page>")
    save("airtel-rw", "login.html", page("Airtel Money", form))
    home = "<framed-page id=\"main\"><span id=\"userName\">merchant</span> <a id=\"report\" href=\"/AirtelMoney/report.csv\">Report</a></framed-page>"
    save("airtel-rw", "home.html", page("Airtel Money", home))
    mailed = "<framed-page id=\"main\"><span id=\"userName\">merchant</span><p>Your request is being processed and report will be sent to you via email entered.</p></framed-page>"
    save("airtel-rw", "by-mail.html", page("Airtel Money", mailed))
    recording("airtel-rw", "730000000", ("sign-in", "login.html", ""), ("page", "home.html", ""), ("page", "by-mail.html", ""),
              ("download", "report.csv", "/AirtelMoney/report.csv"))


def mojibake(text):
    return text.encode().decode("cp1252")


def wave(portal, french):
    dice = random.Random(11)
    if french:
        head = ["Horodatage", "Identifiant de transaction", "Type de transaction", "Montant", "Frais", "Solde", "Devise", "Nom de contrepartie",
                mojibake("Numéro de téléphone de contrepartie"), "Référence client", "Identifiant de session API",
                mojibake("Identifiant marchand agrégé"), "Nom marchand agrégé"]
    else:
        head = ["timestamp", "transaction_id", "transaction_type", "amount", "fee", "currency", "counterparty_mobile", "client_reference",
                "checkout_api_session_id", "aggregated_merchant_id", "aggregated_merchant_name"]
    at, balance, lines = datetime(2026, 11, 20, 12, 40, 9), 480_000, [head]
    for turn in range(12):
        code = "T_" + "".join(dice.choices("ABCDEFGHJKLMNPQRSTUVWXYZ234567", k=16))
        payer, who = f"+22177{dice.randint(1000000, 9999999)}", name(dice)
        gross = dice.choice([500, 2000, 5000])
        if turn == 4:
            kind, net, fee = "api_payout", -1504, 4
            code = "pt-" + "".join(dice.choices("0123456789abcdefghjkmnpqrstvwxyz", k=13))
        elif turn == 8:
            kind, net, fee = "merchant_payment_refund", -(gross - gross // 100), -(gross // 100)
        else:
            kind, net, fee = "merchant_payment", gross - gross // 100, gross // 100
        if french:
            lines.append([at.strftime("%Y-%m-%d %H:%M:%S+00:00"), code, kind, str(net), str(fee), str(balance), "XOF", who, payer, f"CMD-{turn}", "", "", ""])
            balance -= net
        else:
            stamp = f"{at:%b} {at.day}  {at.year}  {at:%I:%M:%S %p}"
            lines.append([stamp, code, kind, str(net), str(fee), "XOF", payer, f"CMD-{turn}", "", "", ""])
        at -= timedelta(seconds=dice.randint(30, 7000))
    (folder(portal) / "export.csv").write_bytes(write_csv(lines).encode())
    export_pages(portal, "221700000000", "/export.csv", "export.csv")


def orange_cm():
    import xlwt

    dice = random.Random(12)
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Channel User Transaction Report")
    at_row = 0

    def put(*cells):
        nonlocal at_row
        for column, cell in enumerate(cells):
            if cell != "":
                sheet.write(at_row, column, cell)
        at_row += 1

    for label, value in [("Relevé de vos opérations", ""), (".", ""), ("Application :", "Orange Money"), ("Réseau :", "OCM"), (".", ""),
                         ("Début de Période :", "20/11/2026"), ("Fin de Période :", "20/11/2026"), ("Type de rapport :", "Rapport journalier"),
                         ("Généré le :", "21/11/2026 06:05:39"), (".", ""), ("Compte Orange Money :", "600000001"), ("Nom :", "LUMIERE SARL"), (".", ""), (".", "")]:
        put(label, value)

    def block(account, wallet, rows):
        put("Opération", "", "", "", "", "", "", "", "Agent", "", "", "Correspondant", "", "Montant (XAF)", "", "Commissions (XAF)")
        put("N°", "Date", "Heure", "Référence", "Service", "Paiement", "Statut", "Mode", "N° de Compte", "Wallet", "N° Pseudo", "N° de Compte",
            "Wallet", "Débit", "Crédit", f"Compte: {account}", "Sous-réseau")
        put("Solde initial", *[""] * 13, 120000.5)
        put("Transactions réussies")
        for line in [line for line in rows if line[6] == "Succès"]:
            put(*line)
        put("Total", *[""] * 13, 1)
        put("Transactions échouées")
        for line in [line for line in rows if line[6] == "Echec"]:
            put(*line)
        put("Total échecs", *[""] * 13, 1)
        put("Solde final", *[""] * 13, 341192.86)

    def line(number, at, code, service, status, account, wallet, other, debit, credit, mode="USSD"):
        return [number, at.strftime("%d/%m/%Y"), at.strftime("%H:%M:%S"), code, service, "", status, mode, account, wallet, "", other, wallet if mode else "Inconnu",
                debit, credit, "", "Réseau A"]

    at, rows, second = datetime(2026, 11, 20, 6, 1, 9), [], []
    for number in range(1, 11):
        at += timedelta(seconds=dice.randint(30, 4000))
        code, payer = f"MP{at:%y%m%d.%H%M}.C{dice.randint(10000, 99999)}", f"69{dice.randint(1000000, 9999999)}"
        amount = dice.choice([500.0, 2500.0, 9750.0, 1250.5])
        if number == 4:  # both of its accounts are the operator's: the same number on both sides
            rows.append(line(number, at, code, "C2C Transfer", "Succès", "600000001", "Normal", "600000002", amount, ""))
            second.append(line(1, at, code, "C2C Transfer", "Succès", "600000002", "commission", "600000001", "", amount))
        elif number == 6:  # a failed payment has its amount in the credit column all the same
            rows.append(line(number, at, code, "Merchant Payment", "Echec", "600000001", "Normal", payer, "", amount))
        elif number == 8:
            rows.append(line(number, at, code, "Merchant Payment", "Echec", "600000001", "Normal", payer, amount, "", ""))
        else:
            rows.append(line(number, at, code, "Merchant Payment", "Succès", "600000001", "Normal", payer, "", amount))
    block("600000001", "Normal", rows)
    block("600000002", "commission", second)
    book.save(str(folder("orange-cm") / "report.xls"))
    export_pages("orange-cm", "600000001", "/report.xls", "report.xls")


for make in [huawei_ke_org, huawei_ke_till, huawei_ci, mtn_partner, airtel_ug, ezeemoney, orange_bf, airtel_rw, orange_cm]:
    make()
mtn_export("mtn-export/columns-54", "81760021", False, "XAF", "2376")
mtn_export("mtn-export/columns-56", "81760022", True, "XOF", "2250")
wave("wave/english", False)
wave("wave/french", True)
