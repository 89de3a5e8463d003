//! What each key of a selector file is for, in the words of the published schema and of the key reference.
//!
//! `tests/it/selector_keys.rs` holds this list against the keys that the reader in `file` asks for, in both directions, and
//! makes `selectors/portal.schema.json` and the table in `selectors/README.md` of it.

/// Tables that stand in several places: their keys are described once, under the name at the right.
pub const SHARED: &[(&str, &str)] = &[
    ("sign_in.steps[]", "step"),
    ("sign_in.clear[]", "step"),
    ("sign_in.otp.steps[]", "step"),
    ("table.steps[]", "step"),
    ("marks.signed_in", "mark"),
    ("marks.signed_out", "mark"),
    ("marks.outcomes[]", "mark"),
    ("table.empty", "mark"),
    ("interstitial[]", "mark"),
    ("marks.password_expires_in", "captured"),
    ("table.count", "captured"),
    ("table.skip[]", "field"),
    ("fields.*", "field"),
    ("field.time", "field"),
    ("field.debit", "field"),
];

/// The way to a key, and what it is for.
pub const KEYS: &[(&str, &str)] = &[
    (
        "format",
        "Format of this file. A newer one than the program knows is refused.",
    ),
    (
        "operator",
        "The operator's word in payment ids: never change it.",
    ),
    (
        "origin",
        "`scheme://host[:port]`, the pin: the secret is typed nowhere else. An account may set another.",
    ),
    (
        "zone",
        "IANA zone of the local times on the pages. An account may set another.",
    ),
    (
        "currency",
        "ISO 4217, where `fields` has no `currency`. An account may set another.",
    ),
    ("account_key", "GSMA key of the account's number."),
    ("sign_in", "How to sign in."),
    ("sign_in.path", "Path of the page with the form."),
    (
        "sign_in.clear",
        "Steps taken before that page is visited, to close a session that a crash left open.",
    ),
    (
        "sign_in.steps",
        "Steps on the page with the form, in order. The last click or key press sends it.",
    ),
    (
        "sign_in.otp",
        "The page that the outcome `otp-required` marks.",
    ),
    ("sign_in.otp.steps", "Type the one-time code, then send it."),
    ("sign_in.sign_out", "Path that ends the session."),
    ("session", "What the portal bears."),
    (
        "session.idle",
        "A session that is not used for this long ends. Unset: it is learned.",
    ),
    (
        "session.page_loads_per_hour",
        "What the portal may be asked for in any hour, per account, sign-ins included.",
    ),
    (
        "marks",
        "What the pages say about the session. A mark is an element that is there.",
    ),
    (
        "marks.signed_in",
        "The mark of a signed-in page: without it nothing on a page is believed.",
    ),
    ("marks.signed_out", "The page asks for a sign-in."),
    (
        "marks.outcomes",
        "What a refused sign-in looks like. The first that matches counts.",
    ),
    ("marks.outcomes[].is", "What such a page means."),
    (
        "marks.by_script",
        "The pages are made by a script after their load: one without any mark is not finished, and waited for.",
    ),
    (
        "marks.password_expires_in",
        "Where a signed-in page says in how many days the password expires.",
    ),
    (
        "interstitial",
        "A page in between that may be clicked away.",
    ),
    (
        "interstitial[].frame",
        "CSS of the frame that it stands in.",
    ),
    ("interstitial[].click", "CSS of what is clicked then."),
    (
        "interstitial[].most",
        "How often at most for one page. Unset: once.",
    ),
    ("table", "How to reach the table and how to read it."),
    (
        "table.path",
        "Path and query of the page with the newest rows, with `{from}` and `{to}` where it takes dates.",
    ),
    ("table.path_date", "chrono format of `{from}` and `{to}`."),
    (
        "table.steps",
        "What is clicked and filled on that page to reach the table.",
    ),
    (
        "table.frame",
        "CSS of the frame that holds the table and `next`.",
    ),
    (
        "table.header",
        "CSS of the rows of a header that is a table of its own.",
    ),
    (
        "table.rows",
        "CSS of every row, header and preamble included.",
    ),
    (
        "table.hidden",
        "What becomes of rows and cells that the page holds and does not show. Unset: they are read.",
    ),
    (
        "table.data_stand",
        "The data stand one column to this side of their header.",
    ),
    (
        "table.skip",
        "Regexes of rows to pass over, by their whole text.",
    ),
    (
        "table.skip[].text",
        "Instead of the row's whole text: what the cell of this column matches.",
    ),
    ("table.empty", "How the page says that there are no rows."),
    (
        "table.empty.header_alone",
        "Of a download: its header and nothing under it says so.",
    ),
    ("table.order", "Which row comes first."),
    (
        "table.next",
        "CSS of what leads to the next, older page. Where nothing matches, the page is the last.",
    ),
    (
        "table.page_label",
        "CSS of a text that is another one on the next page, where paging does not change the address.",
    ),
    (
        "table.count",
        "Where the page says how many rows there are in all.",
    ),
    (
        "table.read",
        "By which way the pages are loaded. Unset: `auto`.",
    ),
    (
        "table.may_leave_browser",
        "`auto` may go on without a browser. Unset: it may not.",
    ),
    (
        "table.download",
        "The rows are read from a file that the portal makes: CSV, XLSX, XLS, ZIP or GZ.",
    ),
    (
        "table.download.path",
        "Its address, with `{from}` and `{to}` where it takes dates. This, `link` or `form`.",
    ),
    (
        "table.download.link",
        "CSS of the link to it on the page at `table.path`.",
    ),
    (
        "table.download.form",
        "CSS of the form on that page that asks for it.",
    ),
    (
        "table.download.fields",
        "Fields of the form as they are sent: name, and text with `{from}` and `{to}`.",
    ),
    (
        "table.download.encoding",
        "Of a text that is not UTF-8. Unset: windows-1252.",
    ),
    (
        "table.download.delimiter",
        "Between cells. Unset: the one that fits most lines.",
    ),
    (
        "table.download.sheet",
        "Name of the sheet. Unset: all that are not hidden, one after the other.",
    ),
    (
        "table.download.member",
        "Regex of the name within a ZIP. Unset: it holds one file.",
    ),
    (
        "table.json",
        "The rows are read from an endpoint that the page's own scripts ask.",
    ),
    (
        "table.json.path",
        "Its address, with `{from}` and `{to}` where it takes dates.",
    ),
    (
        "table.json.rows",
        "JSON pointer to the list of rows. Unset: the whole answer is the list.",
    ),
    (
        "table.json.next",
        "How the next answer is asked for. Unset: one answer holds everything.",
    ),
    (
        "table.json.next.cursor",
        "JSON pointer to what the parameter is set to. This or `page`.",
    ),
    ("table.json.next.parameter", "Name of the query parameter."),
    (
        "table.json.next.page",
        "Name of the query parameter that holds the number of the page.",
    ),
    (
        "table.json.next.first",
        "Number of the first page. Unset: 1.",
    ),
    (
        "table.json.next.more",
        "JSON pointer to what is `true` as long as there is more.",
    ),
    (
        "table.more",
        "CSS of what is clicked for more rows on the same page.",
    ),
    (
        "table.scroll",
        "The table holds only the rows in view: it is scrolled, and needs `count`.",
    ),
    ("table.scroll.in", "CSS of what scrolls. Unset: the page."),
    ("table.scroll.row", "CSS of a row in it."),
    (
        "table.scroll.key",
        "Attribute that tells one row from another. Unset: its text.",
    ),
    (
        "table.detail",
        "Fields that the page shows at a click per row.",
    ),
    (
        "table.detail.click",
        "CSS within the row of what is clicked.",
    ),
    ("table.detail.shows", "CSS of what then shows them."),
    ("table.detail.close", "CSS of what is clicked to go on."),
    (
        "fields",
        "Where each field of a payment stands, and how its text is read.",
    ),
    (
        "fields.transaction_reference",
        "The portal's own number of the payment. This, or `identity`.",
    ),
    ("fields.completion_date", "When the payment was completed."),
    ("fields.creation_date", "When it was begun."),
    (
        "fields.status",
        "Its status: a column of words, or the same for every row.",
    ),
    (
        "fields.status.map",
        "The portal's word, and which status it is. A word that is not there puts its row aside.",
    ),
    ("fields.status.always", "The status of every row."),
    (
        "fields.type",
        "Its GSMA type: a column of words, or the same for every row.",
    ),
    (
        "fields.type.map",
        "The portal's word, and which type it is.",
    ),
    ("fields.type.other", "The type of every other word."),
    ("fields.type.always", "The type of every row."),
    ("fields.kind", "Which rows are charges or reversals."),
    (
        "fields.kind.map",
        "The portal's word, and which kind of row it is. Rows with other words are ordinary payments.",
    ),
    (
        "fields.direction",
        "Beside `amount`: whether it came in or went out. Without it the amount's sign says so.",
    ),
    (
        "fields.direction.map",
        "The portal's word, and which direction it is.",
    ),
    (
        "fields.direction.other",
        "The direction of every other word. Unset: such a word puts its row aside.",
    ),
    ("fields.direction.always", "The direction of every row."),
    ("fields.amount", "The amount, where it is one column."),
    (
        "fields.credit",
        "The amount that came in, where in and out are two columns.",
    ),
    ("fields.debit", "The amount that went out."),
    ("fields.currency", "ISO 4217, where it is a column."),
    ("fields.fee", "What the portal kept."),
    (
        "fields.fee.amount_is",
        "Whether the amount is what the payer paid, or what it made of the balance.",
    ),
    (
        "fields.balance_after",
        "The account's balance after the payment: proves that no row is missing.",
    ),
    ("fields.counterparty", "Number of the other side."),
    ("fields.counterparty.key", "GSMA key of that number."),
    ("fields.payer_name", "Name of the other side."),
    (
        "fields.customer_reference",
        "What the customer gave as reference.",
    ),
    (
        "fields.original_reference",
        "In a reversal: the reference of what it takes back.",
    ),
    (
        "fields.blank",
        "Whole texts of cells that mean \"nothing here\".",
    ),
    ("fields.decimal", "How amounts are written."),
    ("fields.decimal.mark", "What stands before the decimals."),
    ("fields.decimal.group", "What stands between thousands."),
    (
        "fields.clock_change",
        "How a local time is read that was twice, or never, because clocks were changed. Unset: its row is put aside.",
    ),
    (
        "fields.identity",
        "The fields that tell two payments apart, if and only if there is no `transaction_reference`.",
    ),
    (
        "step.fill",
        "CSS of the field that is filled, with what `with` says.",
    ),
    (
        "step.with",
        "What is typed: `{number}`, `{user}`, `{password}`; `{otp}`; in `table.steps`, `{from}` or `{to}`.",
    ),
    (
        "step.choose",
        "CSS of the `select` of which `option` is taken.",
    ),
    ("step.option", "The option's text."),
    ("step.click", "CSS of the element that is clicked."),
    ("step.press", "The key that is pressed in the field `in`."),
    ("step.in", "CSS of the field."),
    ("step.visit", "The path that is gone to, out of any frame."),
    (
        "step.wait",
        "CSS of the element that must be there before it goes on.",
    ),
    (
        "step.frame",
        "CSS of the frame in which the steps after it act, or `top`.",
    ),
    (
        "step.dialog",
        "Regex of the text of a JavaScript dialog that the step before opens; `answer` answers it.",
    ),
    ("step.answer", "Its answer."),
    ("mark.css", "CSS of the element."),
    ("mark.text", "Regex that its text matches too."),
    ("captured.css", "CSS of the element."),
    (
        "captured.capture",
        "Regex whose first group is the number in the element's text.",
    ),
    (
        "field.header",
        "The column whose header is this text, or any of these, without regard to case.",
    ),
    (
        "field.header_matches",
        "Instead of `header`: regex that the header's text matches, where it changes.",
    ),
    ("field.after", "Counted behind the column with this header."),
    (
        "field.label",
        "Instead of `header`: the text of the element right before the value, in cards and definition lists.",
    ),
    ("field.nth", "Which of several equal headers, from 1."),
    (
        "field.css",
        "Instead of `header`: CSS of the element within the row.",
    ),
    (
        "field.attribute",
        "Beside `css`: its attribute of this name instead of its text.",
    ),
    (
        "field.capture",
        "Regex whose first group (or the whole match) is kept. A row without a match has no such field.",
    ),
    (
        "field.time",
        "Where a date's time of day stands in a cell of its own.",
    ),
    (
        "field.debit",
        "Where the field stands instead on rows that take money from the account.",
    ),
    ("field.optional", "Some pages have no such column."),
    (
        "field.formats",
        "chrono formats of date and time. All are tried; a text that two of them read differently puts its row aside.",
    ),
];
