//! Parses a page under limits. Pure.
//!
//! html5ever is quadratic in open elements and in the attributes of one tag, and a parse cannot be cancelled from
//! outside. So it is fed piece by piece, each piece beginning with a `<`, and asked in between: how many elements are
//! open, how many nodes there are, and, before a piece of a tag is fed, how many attributes the tag has so far.
//! The real tree is measured, not an estimate of it: a page that leaves out its end tags is not refused for that.

use std::cell::Cell;

use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::interface::{Tracer, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use scraper::{Html, HtmlTreeSink};

use super::{ExtractError, MAX_ATTRIBUTES, MAX_DEPTH, MAX_NODES, MAX_PAGE_BYTES};

/// So many pieces are fed between two looks at the tree: it can grow by little in them.
const PIECES_PER_LOOK: usize = 64;

/// Parses `html` as a document.
///
/// # Errors
/// When it is over [`MAX_PAGE_BYTES`], [`MAX_DEPTH`], [`MAX_NODES`] or [`MAX_ATTRIBUTES`].
pub(super) fn parse(html: &str) -> Result<Html, ExtractError> {
    if html.len() > MAX_PAGE_BYTES {
        return Err(ExtractError::PageTooLarge { bytes: html.len() });
    }
    let sink = HtmlTreeSink::new(Html::new_document());
    let watch = Watch {
        builder: TreeBuilder::new(sink, TreeBuilderOpts::default()),
        emitted: Cell::new(true),
        tag_ended: Cell::new(false),
        raw_text: Cell::new(false),
    };
    let tokenizer = Tokenizer::new(watch, TokenizerOpts::default());
    let input = BufferQueue::default();
    let mut attributes = Attributes::new();
    for (number, piece) in pieces(html).enumerate() {
        let watch = &tokenizer.sink;
        attributes.count(piece, watch.emitted.get(), watch.raw_text.get())?;
        watch.emitted.set(piece == "<");
        watch.tag_ended.set(false);
        input.push_back(StrTendril::from(piece));
        while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
        if watch.tag_ended.get() {
            attributes.part = Part::Outside;
        }
        if number % PIECES_PER_LOOK == 0 {
            watch.look()?;
        }
    }
    tokenizer.sink.look()?;
    tokenizer.end();
    Ok(tokenizer.sink.builder.sink.finish())
}

/// `html` cut before each `<`.
fn pieces(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let after_first = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
        let end = rest
            .get(after_first..)
            .and_then(|tail| tail.find('<'))
            .map_or(rest.len(), |at| after_first + at);
        let (piece, tail) = rest.split_at_checked(end)?;
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Names a node of a parsed page.
pub(super) type NodeId = <HtmlTreeSink as TreeSink>::Handle;

/// Stands between tokenizer and tree builder and notes what the tokenizer has done with a piece.
struct Watch {
    builder: TreeBuilder<NodeId, HtmlTreeSink>,
    /// A token came out since this was last cleared.
    emitted: Cell<bool>,
    /// A tag came out since this was last cleared.
    tag_ended: Cell<bool>,
    /// Only an end tag is markup here: script, style, title, textarea and the like.
    raw_text: Cell<bool>,
}

impl TokenSink for Watch {
    type Handle = NodeId;

    fn process_token(&self, token: Token, line_number: u64) -> TokenSinkResult<NodeId> {
        match &token {
            Token::ParseError(_) => {}
            Token::TagToken(tag) => {
                self.emitted.set(true);
                self.tag_ended.set(true);
                if tag.kind == TagKind::EndTag {
                    self.raw_text.set(false);
                }
            }
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::CharacterTokens(_)
            | Token::NullCharacterToken
            | Token::EOFToken => self.emitted.set(true),
        }
        let answer = self.builder.process_token(token, line_number);
        if matches!(
            answer,
            TokenSinkResult::RawData(_) | TokenSinkResult::Plaintext
        ) {
            self.raw_text.set(true);
        }
        answer
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder
            .adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl Watch {
    fn look(&self) -> Result<(), ExtractError> {
        let open = Open(Cell::new(0));
        self.builder.trace_handles(&open);
        if open.0.get() > MAX_DEPTH {
            return Err(ExtractError::PageTooDeep);
        }
        if self.builder.sink.0.borrow().tree.values().len() > MAX_NODES {
            return Err(ExtractError::TooManyNodes);
        }
        Ok(())
    }
}

/// Counts what the tree builder holds open: elements, and formatting elements that it would open again.
struct Open(Cell<usize>);

impl Tracer for Open {
    type Handle = NodeId;

    fn trace_handle(&self, _: &NodeId) {
        self.0.set(self.0.get() + 1);
    }
}

/// Counts the attributes of the tag that is being read, as the HTML tokenizer tells them apart.
struct Attributes {
    part: Part,
    seen: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Outside,
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

impl Attributes {
    fn new() -> Self {
        Self {
            part: Part::Outside,
            seen: 0,
        }
    }

    /// Reads on in an open tag, or begins one where `piece` can begin one.
    fn count(&mut self, piece: &str, data: bool, raw_text: bool) -> Result<(), ExtractError> {
        let mut bytes = piece.as_bytes();
        if self.part == Part::Outside {
            let (is_end, name) = match bytes {
                [b'<', b'/', rest @ ..] => (true, rest),
                [b'<', rest @ ..] => (false, rest),
                _ => return Ok(()),
            };
            let can_begin = if raw_text { is_end } else { data };
            if !can_begin || !name.first().is_some_and(u8::is_ascii_alphabetic) {
                return Ok(());
            }
            *self = Self {
                part: Part::TagName,
                seen: 0,
            };
            bytes = name;
        }
        for byte in bytes {
            self.step(*byte);
            if self.part == Part::Outside {
                break;
            }
            if self.seen > MAX_ATTRIBUTES {
                return Err(ExtractError::TooManyAttributes);
            }
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) {
        let blank = byte.is_ascii_whitespace();
        self.part = match (self.part, byte) {
            (Part::Quoted(quote), _) if byte == quote => Part::BeforeName,
            (Part::Quoted(quote), _) => Part::Quoted(quote),
            (_, b'>') => Part::Outside,
            (Part::BeforeValue, b'"' | b'\'') => Part::Quoted(byte),
            (Part::BeforeValue, _) if blank => Part::BeforeValue,
            (Part::BeforeValue, _) => Part::Unquoted,
            (Part::Unquoted, _) if !blank => Part::Unquoted,
            (Part::Name, _) if blank => Part::AfterName,
            (Part::AfterName, _) if blank => Part::AfterName,
            (Part::Name | Part::AfterName, b'=') => Part::BeforeValue,
            (_, b'/') => Part::BeforeName,
            (_, _) if blank => Part::BeforeName,
            (Part::TagName | Part::Name, _) => self.part,
            (Part::BeforeName | Part::AfterName | Part::Unquoted | Part::Outside, _) => {
                self.seen += 1;
                Part::Name
            }
        };
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]
    use super::*;

    fn refusal(html: &str) -> Option<ExtractError> {
        parse(html).err()
    }

    #[test]
    fn a_page_nested_too_deep_is_refused_and_one_within_the_limit_is_parsed() {
        assert_eq!(refusal(&"<div>".repeat(500)), None);
        assert_eq!(
            refusal(&"<div>".repeat(600)),
            Some(ExtractError::PageTooDeep)
        );
        assert_eq!(
            refusal(&"<div>".repeat(1_000_000)),
            Some(ExtractError::PageTooDeep)
        );
        assert_eq!(
            refusal(&"<div></x>".repeat(100_000)),
            Some(ExtractError::PageTooDeep)
        );
        assert_eq!(
            refusal(&"<div><table><tr><td></div>".repeat(1_000)),
            Some(ExtractError::PageTooDeep)
        );
        assert_eq!(
            refusal(&"<svg><td>".repeat(1_000)),
            Some(ExtractError::PageTooDeep)
        );
    }

    #[test]
    fn left_out_end_tags_are_no_depth() {
        let rows = "<tr><td>1<td>2<td>3".repeat(2_000);
        assert_eq!(refusal(&format!("<table>{rows}</table>")), None);
        assert_eq!(refusal(&"<p>one<br><li>two<img src=a>".repeat(2_000)), None);
    }

    #[test]
    fn elements_that_open_themselves_again_are_refused() {
        let open: String = (0..400).map(|n| format!("<b id=n{n}>")).collect();
        assert!(refusal(&format!("{open}{}", "<p>x".repeat(500_000))).is_some());
    }

    #[test]
    fn a_tag_with_too_many_attributes_is_refused_wherever_it_hides() {
        let many: String = (0..50_000).map(|n| format!(" a{n}=1")).collect();
        for before in [
            "<a",
            "<<a",
            "<script>if (a<b) x</script",
            "<a title='>\" <'",
            "<a x",
            "<svg><script><a",
            "</",
            "<textarea></</textarea",
        ] {
            let html = format!("{before}{}{many}>", if before == "</" { "a" } else { "" });
            assert_eq!(
                refusal(&html),
                Some(ExtractError::TooManyAttributes),
                "{before}"
            );
        }
        let with_signs: String = (0..50_000)
            .map(|n| format!(" a{n}=\">\" b{n}<c{n}"))
            .collect();
        assert_eq!(
            refusal(&format!("<a{with_signs}>")),
            Some(ExtractError::TooManyAttributes)
        );
    }

    #[test]
    fn long_comments_scripts_and_values_are_no_attributes() {
        let words = "one two three ".repeat(5_000);
        for html in [
            format!("<!-- {words} <td> {words} -->"),
            format!("<script>for (i=0;i<n;i++) x = [{words}]</script>"),
            format!("<input value=\"{words}<b>{words}\">"),
            format!("<style>a<b {words}</style>"),
            format!("<p>1 < 2 {words}"),
        ] {
            assert_eq!(refusal(&html), None);
        }
    }

    #[test]
    fn a_page_over_the_size_limit_is_refused() {
        let html = " ".repeat(MAX_PAGE_BYTES + 1);
        assert_eq!(
            refusal(&html),
            Some(ExtractError::PageTooLarge { bytes: html.len() })
        );
    }

    #[test]
    fn feeding_in_pieces_gives_the_tree_of_a_whole_parse() {
        let html = "<!DOCTYPE html><title>a < b</title><script>if (a<b) '</td>'</script><table><tr><td>ä &amp; < b<td>2</table><p>é<";
        assert_eq!(
            parse(html).unwrap().html(),
            Html::parse_document(html).html()
        );
    }
}
