//! Where the trail is read from: a server, or the files of a data folder.

use serde::Deserialize;

use super::{Args, Exit, Filter};
use crate::{
    audit::{Item, Place, Row},
    cli::ask::{AskError, Asker},
    clock::Clock,
    history::{About, AuditQuery, AuditReader, Cursor, ReadError, moment},
};

/// Rows of one question.
const PAGE: usize = 1_000;

/// Why the trail could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum OriginError {
    #[error("{0}")]
    Ask(#[from] AskError),
    #[error("cannot read the data folder: {}", crate::cli::with_source(.0))]
    Read(#[from] ReadError),
    #[error("--{name}: {why}")]
    Filter { name: &'static str, why: String },
}

impl OriginError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Ask(error) => error.exit(),
            Self::Read(_) => Exit::CouldNotRun,
            Self::Filter { .. } => Exit::Usage,
        }
    }
}

pub(super) enum Origin<'a> {
    Server(tokio::runtime::Runtime, Asker<'a>),
    Folder(AuditReader, Clock),
}

/// A page as the server tells it.
#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    next: Option<String>,
}

/// Rows, and where the next ones begin.
type Rows = (Vec<Row>, Option<String>);

impl<'a> Origin<'a> {
    pub(super) fn open(args: &'a Args, clock: &Clock) -> Result<Self, OriginError> {
        match &args.data_dir {
            Some(dir) => Ok(Self::Folder(AuditReader::open(dir)?, clock.clone())),
            None => {
                let (runtime, asker) = Asker::new(&args.server, clock)?;
                Ok(Self::Server(runtime, asker))
            }
        }
    }

    /// Rows that the filter takes, oldest first.
    pub(super) fn page(&mut self, filter: &Filter, after: Option<&str>) -> Result<Rows, OriginError> {
        match self {
            Self::Folder(reader, clock) => {
                let page = reader.page(&query(filter, after, clock)?)?;
                Ok((page.rows, page.next.map(|next| next.to_string())))
            }
            Self::Server(..) => {
                let kind = filter.kind.map(|kind| kind.to_string());
                let given = [
                    ("since", filter.since.as_deref()),
                    ("until", filter.until.as_deref()),
                    ("alert", filter.alert.as_deref()),
                    ("rule", filter.rule.as_deref()),
                    ("notification", filter.notification.as_deref()),
                    ("kind", kind.as_deref()),
                    ("namespace", filter.namespace.as_deref()),
                    ("after", after),
                ];
                self.ask(given.into_iter().filter_map(|(name, value)| Some((name, value?))))
            }
        }
    }

    /// Rows in the order in which they hang together.
    pub(super) fn chain(&mut self, after: Option<&str>) -> Result<Rows, OriginError> {
        match self {
            Self::Folder(reader, _) => {
                let after: Place = after.and_then(|after| after.parse().ok()).unwrap_or_default();
                let rows = reader.chain(after, PAGE)?.rows;
                let next = rows.last().map(|row| row.place.to_string());
                Ok((rows, next))
            }
            Self::Server(..) => self.ask(
                [("order", Some("chain")), ("after", after)]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?))),
            ),
        }
    }

    fn ask<'b>(&self, query: impl Iterator<Item = (&'b str, &'b str)>) -> Result<Rows, OriginError> {
        let Self::Server(runtime, asker) = self else { return Ok((Vec::new(), None)) };
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.append_pair("limit", &PAGE.to_string());
        query.for_each(|(name, value)| {
            text.append_pair(name, value);
        });
        let body = runtime.block_on(asker.get(&format!("api/v1/audit?{}", text.finish())))?;
        let page: Page = asker.parsed(&body)?;
        Ok((page.items.iter().map(Item::row).collect(), page.next))
    }
}

fn query(filter: &Filter, after: Option<&str>, clock: &Clock) -> Result<AuditQuery, OriginError> {
    let at = |name, text: &Option<String>| {
        let parsed = text.as_deref().map(|text| moment(text, clock.wall())).transpose();
        parsed.map_err(|why| OriginError::Filter { name, why })
    };
    let about = match (&filter.alert, &filter.rule, &filter.notification) {
        (Some(alert), _, _) => Some(About::alert(alert)),
        (_, Some(rule), _) => Some(About::rule(rule)),
        (_, _, Some(id)) => Some(About::Notification(id.as_str().into())),
        _ => None,
    };
    Ok(AuditQuery {
        since: at("since", &filter.since)?,
        until: at("until", &filter.until)?,
        about,
        kind: filter.kind,
        namespaces: filter.namespace.as_deref().map(|one| std::sync::Arc::new([one.into()].into())),
        after: after.and_then(|after| after.parse::<Cursor>().ok()),
        limit: PAGE,
    })
}
