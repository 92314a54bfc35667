//! `probity_store_*`: what the store says of itself at each scrape.

use super::Figure;
use crate::{
    audit::Head,
    history::{Recording, Stats, Store, StoreHealth},
};

/// The store's figures, in the order of the tables in which they stand.
pub fn figures(store: &dyn Store) -> Vec<Figure> {
    let mut figures = of(&store.stats(), &store.health(), store.recording());
    figures.extend(store.audit_head().map(head));
    figures
}

/// The head is a label, so that whoever stores this metric has what `probity audit verify --head` wants. It is one
/// series at a time.
fn head(head: Head) -> Figure {
    Figure {
        name: "probity_store_audit_head_info",
        help: "The last row of the audit trail: keep it elsewhere, and a trail that was cut shows against it.",
        labels: format!("head=\"{head}\""),
        counter: false,
        value: 1.0,
    }
}

fn of(stats: &Stats, health: &StoreHealth, recording: Recording) -> Vec<Figure> {
    let total = |name, help, value| Figure { name, help, labels: String::new(), counter: true, value };
    let gauge = |name, help, value| Figure { name, help, labels: String::new(), counter: false, value };
    let well = f64::from(u8::from(*health == StoreHealth::Ok));
    vec![
        gauge("probity_store_healthy", "1 while what is seen is also kept; 0 while it is only buffered.", well),
        gauge(
            "probity_store_recording",
            "1 while commits of alerting are on disk within 2 s; 0 while notifications go out unrecorded.",
            f64::from(u8::from(recording == Recording::Recorded)),
        ),
        total("probity_store_flushes_total", "Flushes of results that were committed.", stats.flushes as f64),
        total("probity_store_flush_seconds_total", "Time that flushes of results took.", stats.flush_seconds),
        total("probity_store_urgent_commits_total", "Durable transactions.", stats.urgent_commits as f64),
        total(
            "probity_store_urgent_seconds_total",
            "Time from the first that waited to durable, over all of these transactions.",
            stats.urgent_seconds,
        ),
        total("probity_store_packs_total", "Transactions that wrote rows of hours and days.", stats.packs as f64),
        total("probity_store_pack_seconds_total", "Time that those transactions took.", stats.pack_seconds),
        gauge("probity_store_pack_longest_seconds", "The longest of those transactions.", stats.pack_seconds_max),
        total("probity_store_rows_packed_total", "Rows of hours and days that were written.", stats.rows_packed as f64),
        total("probity_store_records_total", "Results that were handed to the store.", stats.records as f64),
        total(
            "probity_store_dropped_records_total",
            "Results that were lost because the store could not take them.",
            stats.dropped_records as f64,
        ),
        total(
            "probity_store_transitions_total",
            "Transitions that were handed to the store.",
            stats.transitions as f64,
        ),
        total(
            "probity_store_dropped_transitions_total",
            "Transitions that were lost because the store could not take them.",
            stats.dropped_transitions as f64,
        ),
        total("probity_store_commits_total", "Steps of alerting that were handed to the store.", stats.commits as f64),
        total("probity_store_audit_rows_total", "Rows of the audit trail that were written.", stats.audit_rows as f64),
        total(
            "probity_store_dropped_audit_rows_total",
            "Rows of the audit trail that were lost because the store could not take them; a gap row tells of them.",
            stats.dropped_audit_rows as f64,
        ),
        total(
            "probity_store_dropped_changes_total",
            "Changes of alerts and notifications that were lost because the store could not take them.",
            stats.dropped_changes as f64,
        ),
        total(
            "probity_store_unrecorded_notifications_total",
            "Notifications that were not on disk within 2 s, and went out all the same.",
            stats.unrecorded as f64,
        ),
        total(
            "probity_store_dropped_rows_total",
            "Rows of an hour that had no room to wait in: their results are kept in frames alone.",
            stats.dropped_hours as f64,
        ),
        total("probity_store_errors_total", "Transactions that failed.", stats.errors as f64),
        total("probity_store_frame_bytes_total", "Bytes of results, as framed.", stats.frame_bytes as f64),
        total(
            "probity_store_wal_written_bytes_total",
            "Bytes that were written to the write-ahead log.",
            stats.wal_written_bytes as f64,
        ),
        gauge("probity_store_queued_records", "Results that wait to be written.", stats.queued_records as f64),
        gauge(
            "probity_store_queued_transitions",
            "Transitions that wait to be written.",
            stats.queued_transitions as f64,
        ),
        gauge(
            "probity_store_database_bytes",
            "Size of the database file at the last flush.",
            stats.database_bytes as f64,
        ),
        gauge("probity_store_wal_bytes", "Size of the write-ahead log at the last flush.", stats.wal_bytes as f64),
        gauge("probity_store_loading_targets", "Targets whose history has not been read yet.", stats.loading as f64),
    ]
}
