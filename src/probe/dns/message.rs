//! What is asked, and which datagrams are the answer to it. Pure.

use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::Name,
};

use crate::model::DnsType;

/// A question, as it goes over the wire.
#[derive(Debug)]
pub struct Question {
    id: u16,
    query: Query,
    bytes: Vec<u8>,
}

/// What a datagram is to a question.
#[derive(Debug)]
pub enum Received {
    /// Another id or another question: whoever sent it, it is ignored.
    NotOurs,
    /// The answer did not fit, and is to be asked for again over TCP.
    Truncated,
    Answer(Box<Answer>),
}

#[derive(Debug)]
pub struct Answer {
    pub message: Message,
    /// As the header counts them: answers, authorities, additionals.
    pub counts: [u16; 3],
}

impl Question {
    /// # Errors
    /// When the name cannot be encoded.
    pub fn new(name: Name, record_type: DnsType) -> Result<Self, String> {
        // `query` draws the id at random.
        let mut message = Message::query();
        let query = Query::query(name, record_type);
        message.metadata.recursion_desired = true;
        message.add_query(query.clone());
        let bytes = message.to_vec().map_err(|error| error.to_string())?;
        Ok(Self { id: message.metadata.id, query, bytes })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads what came. Nothing that it holds can make this panic.
    ///
    /// # Errors
    /// When it bears our id and is no DNS message.
    pub fn receive(&self, bytes: &[u8]) -> Result<Received, String> {
        let word = |at: usize| bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_be_bytes);
        let (Some(id), Some(flags)) = (word(0), word(2)) else { return Ok(Received::NotOurs) };
        if id != self.id || flags & RESPONSE == 0 {
            return Ok(Received::NotOurs);
        }
        let message = match Message::from_vec(bytes) {
            Ok(message) => message,
            // What was cut off may have been cut in the middle of a record (RFC 2181, section 9).
            Err(_) if flags & TRUNCATED != 0 => return Ok(Received::Truncated),
            Err(error) => return Err(error.to_string()),
        };
        let metadata = &message.metadata;
        if metadata.message_type != MessageType::Response || metadata.op_code != OpCode::Query {
            return Ok(Received::NotOurs);
        }
        // Some servers refuse without repeating what they refuse.
        let bare = message.queries.is_empty() && metadata.response_code != ResponseCode::NoError;
        if !bare && !matches!(&message.queries[..], [asked] if self.is(asked)) {
            return Ok(Received::NotOurs);
        }
        if metadata.truncation {
            return Ok(Received::Truncated);
        }
        let counts = [word(6), word(8), word(10)].map(Option::unwrap_or_default);
        Ok(Received::Answer(Box::new(Answer { message, counts })))
    }

    fn is(&self, asked: &Query) -> bool {
        // Names compare without regard to case.
        asked.name == self.query.name
            && asked.query_type == self.query.query_type
            && asked.query_class == self.query.query_class
    }
}

const RESPONSE: u16 = 1 << 15;
const TRUNCATED: u16 = 1 << 9;

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::{RData, Record, rdata::A};
    use proptest::prelude::*;

    use super::*;

    fn question() -> Question {
        Question::new("www.example.".parse().unwrap(), DnsType::A).unwrap()
    }

    fn answer(question: &Question, change: impl Fn(&mut Message)) -> Vec<u8> {
        let mut message = Message::response(question.id, OpCode::Query);
        message.add_query(question.query.clone());
        let name = question.query.name.clone();
        message.add_answer(Record::from_rdata(name, 60, RData::A(A::new(10, 0, 0, 1))));
        change(&mut message);
        message.to_vec().unwrap()
    }

    fn received(change: impl Fn(&mut Message)) -> &'static str {
        let question = question();
        match question.receive(&answer(&question, change)).unwrap() {
            Received::NotOurs => "not ours",
            Received::Truncated => "truncated",
            Received::Answer(_) => "answer",
        }
    }

    #[test]
    fn only_the_answer_to_the_question_counts() {
        assert_eq!(received(|_| {}), "answer");
        assert_eq!(received(|message| message.queries[0].name = "WWW.Example.".parse().unwrap()), "answer");
        assert_eq!(received(|message| message.metadata.id ^= 1), "not ours");
        assert_eq!(received(|message| message.metadata.message_type = MessageType::Query), "not ours");
        assert_eq!(received(|message| message.metadata.op_code = OpCode::Notify), "not ours");
        assert_eq!(received(|message| message.queries[0].name = "other.example.".parse().unwrap()), "not ours");
        assert_eq!(received(|message| message.queries[0].query_type = DnsType::AAAA), "not ours");
        assert_eq!(received(|message| message.queries.clear()), "not ours");
        assert_eq!(received(|message| message.metadata.truncation = true), "truncated");
        let refused = |message: &mut Message| {
            message.queries.clear();
            message.metadata.response_code = ResponseCode::Refused;
        };
        assert_eq!(received(refused), "answer");
    }

    #[test]
    fn the_header_is_counted_and_rubbish_with_our_id_is_told() {
        let question = question();
        let bytes = answer(&question, |_| {});
        let Ok(Received::Answer(found)) = question.receive(&bytes) else { panic!("not an answer") };
        assert_eq!(found.counts, [1, 0, 0]);
        assert!(question.receive(&bytes[..bytes.len() - 3]).is_err());
        assert!(matches!(question.receive(&bytes[..3]), Ok(Received::NotOurs)));
        let mut cut = bytes[..bytes.len() - 3].to_vec();
        cut[2] |= 2;
        assert!(matches!(question.receive(&cut), Ok(Received::Truncated)));
    }

    proptest! {
        #[test]
        fn no_datagram_can_panic(mut bytes: Vec<u8>, flags: [u8; 2], ours: bool) {
            let question = question();
            if ours && bytes.len() >= 4 {
                bytes[..2].copy_from_slice(&question.id.to_be_bytes());
                bytes[2..4].copy_from_slice(&flags);
            }
            let _ = question.receive(&bytes);
        }

        #[test]
        fn no_damage_to_an_answer_can_panic(at: usize, with: u8) {
            let question = question();
            let mut bytes = answer(&question, |_| {});
            let at = at % bytes.len();
            bytes[at] = with;
            let _ = question.receive(&bytes);
        }
    }
}
