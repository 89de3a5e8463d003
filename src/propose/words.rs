//! What portals call things, in English, French, Portuguese and Swahili, and what each word means. Pure.

use std::sync::LazyLock;

use regex::Regex;

use crate::selectors::Field;

/// Headers in small letters, and how sure each is: the first that matches a field counts.
const HEADERS: [(Field, &str); 16] = [
    (
        Field::OriginalReference,
        r"linked|original|parent|reversed (id|trans)",
    ),
    (Field::BalanceAfter, r"balance|solde|saldo|salio"),
    (Field::Currency, r"^(currency|devise|moeda|sarafu|ccy)$"),
    (
        Field::Credit,
        r"^(paid in|credits?|cr|money in|in|received|crédits?|entrées?|crédito|amount in|deposits?)( \(?[a-z]{3}\)?| amount)?$",
    ),
    (
        Field::Debit,
        r"^(withdrawn|paid out|debits?|dr|money out|out|sent|débits?|sorties?|débito|amount out|withdrawals?)( \(?[a-z]{3}\)?| amount)?$",
    ),
    (
        Field::Fee,
        r"^((transaction|service) )?(fees?|charges?|frais|commission|tarifa|ada)( \(?[a-z]{3}\)?| amount)?$",
    ),
    (Field::Amount, r"amount|montant|valor|quantia|kiasi|^value$"),
    (
        Field::Status,
        r"status|statut|state|^é?tat$|estado|hali|result",
    ),
    (
        Field::Direction,
        r"dr ?/ ?cr|cr ?/ ?dr|direction|sens|debit/credit|credit/debit|in/out",
    ),
    (
        Field::CompletionDate,
        r"complet|finali|finish|settle|end time|transfer_date|transaction date",
    ),
    (Field::CreationDate, r"initiat|creat|start|begin|request"),
    (
        Field::CustomerReference,
        r"^a/c|acc(oun)?t( no|.*ref)|external|customer ref|bill ref|^note|message|narrat|comment|remark|libell|motif|memo|^reference$|^référence$",
    ),
    (
        Field::PayerName,
        r"name|^nom|nome|jina|^payer$|^client$|^customer$",
    ),
    (
        Field::Counterparty,
        r"party|msisdn|phone|mobile|^from$|^to$|sender|payer|customer|subscriber|numéro|téléphone|wallet|other",
    ),
    (
        Field::TransactionReference,
        r"receipt|transfer[_ ]?id|trans(action)?[ ._-]*(id|no|ref|number)|^id$|^ref(erence|érence)?\.?( ?no\.?)?$|txn|financial.*id|^n° |reçu$|recibo$",
    ),
    (
        Field::Type,
        r"type|service|reason|^what$|nature|opération|operation|category",
    ),
];

static COMPILED: LazyLock<Vec<(Field, Regex)>> = LazyLock::new(|| {
    let compiled = HEADERS
        .iter()
        .map(|(field, text)| Some((*field, Regex::new(text).ok()?)));
    compiled.flatten().collect()
});

/// Does the header sound like the field?
pub(super) fn sounds_like(header: &str, field: Field) -> bool {
    let header = header.to_lowercase();
    COMPILED
        .iter()
        .any(|(own, regex)| *own == field && regex.is_match(&header))
}

/// The meaning of a word, by the first part of a word that is in it.
fn meaning(word: &str, known: &[(&str, &'static str)]) -> Option<&'static str> {
    let word = word.to_lowercase();
    let mut known = known.iter();
    known
        .find(|(part, _)| {
            if part.len() < 4 {
                word == *part
            } else {
                word.contains(part)
            }
        })
        .map(|(_, is)| *is)
}

/// Our status of a portal's word.
pub(super) fn status(word: &str) -> Option<&'static str> {
    meaning(
        word,
        &[
            ("unsuccess", "failed"),
            ("declin", "declined"),
            ("rejet", "declined"),
            ("reject", "declined"),
            ("cancel", "cancelled"),
            ("annul", "cancelled"),
            ("expir", "expired"),
            ("revers", "reversed"),
            ("rollback", "reversed"),
            ("fail", "failed"),
            ("error", "failed"),
            ("echou", "failed"),
            ("échou", "failed"),
            ("échec", "failed"),
            ("tf", "failed"),
            ("pending", "pending"),
            ("initiat", "pending"),
            ("authori", "pending"),
            ("progress", "pending"),
            ("processing", "pending"),
            ("attente", "pending"),
            ("en cours", "pending"),
            ("tip", "pending"),
            ("ta", "pending"),
            ("complet", "completed"),
            ("success", "completed"),
            ("succès", "completed"),
            ("réussi", "completed"),
            ("ok", "completed"),
            ("ts", "completed"),
            ("paid", "completed"),
            ("approved", "completed"),
            ("settled", "completed"),
            ("processed", "completed"),
            ("finali", "completed"),
            ("concluí", "completed"),
            ("imekamilika", "completed"),
        ],
    )
}

/// The GSMA type of a portal's word.
pub(super) fn kind_of_transaction(word: &str) -> Option<&'static str> {
    meaning(
        word,
        &[
            ("revers", "reversal"),
            ("annul", "reversal"),
            ("charge", "adjustment"),
            ("fee", "adjustment"),
            ("frais", "adjustment"),
            ("commission", "adjustment"),
            ("salar", "disbursement"),
            ("salaire", "disbursement"),
            ("settlement", "withdrawal"),
            ("buy goods", "merchantpay"),
            ("withdraw", "withdrawal"),
            ("to bank", "withdrawal"),
            ("cashout", "withdrawal"),
            ("cash out", "withdrawal"),
            ("external payment", "withdrawal"),
            ("retrait", "withdrawal"),
            ("pay bill", "billpay"),
            ("paybill", "billpay"),
            ("bill", "billpay"),
            ("merch", "merchantpay"),
            ("collection", "merchantpay"),
            ("payment", "merchantpay"),
            ("paiement", "merchantpay"),
            ("debit", "merchantpay"),
            ("deposit", "deposit"),
            ("dépôt", "deposit"),
            ("cash in", "deposit"),
            ("disburse", "disbursement"),
            ("transfer", "transfer"),
            ("transfert", "transfer"),
        ],
    )
}

/// What makes a row no ordinary payment.
pub(super) fn row_kind(word: &str) -> Option<&'static str> {
    meaning(
        word,
        &[
            ("revers", "reversal"),
            ("annul", "reversal"),
            ("charge", "charge"),
            ("fee", "charge"),
            ("frais", "charge"),
            ("commission", "charge"),
        ],
    )
}

/// Where a word says whether money came or went.
pub(super) fn direction(word: &str) -> Option<&'static str> {
    meaning(
        word,
        &[
            ("cr", "credit"),
            ("c", "credit"),
            ("in", "credit"),
            ("credit", "credit"),
            ("crédit", "credit"),
            ("+", "credit"),
            ("received", "credit"),
            ("dr", "debit"),
            ("d", "debit"),
            ("out", "debit"),
            ("debit", "debit"),
            ("débit", "debit"),
            ("-", "debit"),
            ("sent", "debit"),
        ],
    )
}

/// First digits of phone numbers (ITU E.164), currency, and one zone.
const COUNTRIES: [(&str, &str, &str); 16] = [
    ("254", "KES", "Africa/Nairobi"),
    ("256", "UGX", "Africa/Kampala"),
    ("255", "TZS", "Africa/Dar_es_Salaam"),
    ("250", "RWF", "Africa/Kigali"),
    ("225", "XOF", "Africa/Abidjan"),
    ("226", "XOF", "Africa/Ouagadougou"),
    ("221", "XOF", "Africa/Dakar"),
    ("229", "XOF", "Africa/Porto-Novo"),
    ("237", "XAF", "Africa/Douala"),
    ("242", "XAF", "Africa/Brazzaville"),
    ("233", "GHS", "Africa/Accra"),
    ("260", "ZMW", "Africa/Lusaka"),
    ("258", "MZN", "Africa/Maputo"),
    ("243", "CDF", "Africa/Kinshasa"),
    ("265", "MWK", "Africa/Blantyre"),
    ("251", "ETB", "Africa/Addis_Ababa"),
];

/// Currency and zone of the country that a phone number begins with (ITU E.164; one zone each).
pub(super) fn country(prefix: &str) -> Option<(&'static str, &'static str)> {
    let found = COUNTRIES.iter().find(|(own, _, _)| *own == prefix);
    found.map(|(_, currency, zone)| (*currency, *zone))
}

/// A zone where the currency is used.
pub(super) fn zone(currency: &str) -> Option<&'static str> {
    let found = COUNTRIES.iter().find(|(_, own, _)| *own == currency);
    found.map(|(_, _, zone)| *zone)
}
