//! Cron schedules of five fields, on the calendar alone. Pure.
//!
//! Says which minutes of a civil calendar a schedule names; what these are in a time zone is `window`'s.

use jiff::civil::{Date, DateTime, Weekday};

/// The longest that a schedule can be silent and still fire: 29 February, around a year such as 2100 that is no
/// leap year, comes after eight years. A schedule that is silent for longer never fires.
const SILENCE_DAYS: usize = 8 * 366 + 31;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A schedule: a set of minutes of the calendar. At least one minute of some year is in it.
///
/// As in Vixie cron, a day matches when the day of the month and the day of the week both match; when both are
/// restricted (neither begins with `*`), one of them is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// A bit for each value, from bit 0.
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    either_day: bool,
    every_hour: bool,
}

/// One of the five fields.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// Names for the values from `low` on.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of the month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    // 7 is Sunday too.
    Field { name: "day of the week", low: 0, high: 7, names: &DAYS },
];

impl Cron {
    /// Reads `minute hour day-of-month month day-of-week`, or one of `@hourly`, `@daily` (`@midnight`), `@weekly`,
    /// `@monthly` and `@yearly` (`@annually`). A field is `*`, a value, a range `a-b`, a step `*/n`, `a/n` or `a-b/n`, or
    /// a list of these; months and days of the week have names of three letters.
    ///
    /// # Errors
    /// What is wrong, to follow the text itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other if other.starts_with('@') => {
                return Err("is unknown: there are @hourly, @daily, @weekly, @monthly and @yearly".to_owned());
            }
            other => other,
        };
        if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            return Err("must not hold a time zone: set timeZone".to_owned());
        }
        let parts: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minute, hour, day, month, weekday] = parts.as_slice() else {
            let count = parts.len();
            return Err(format!(
                "has {count} fields: write five, minute hour day-of-month month day-of-week, as 0 3 * * SUN"
            ));
        };
        let sets = FIELDS.iter().zip([minute, hour, day, month, weekday]);
        let mut sets = sets.map(|(field, text)| field.parse(text));
        let mut next = || sets.next().unwrap_or(Ok(0));
        let (minutes, hours, days, months, mut weekdays) = (next()?, next()?, next()?, next()?, next()?);
        weekdays = (weekdays | weekdays >> 7) & 0x7f;
        let either_day = !is_open(day) && !is_open(weekday);
        let cron = Self { minutes, hours, days, months, weekdays, either_day, every_hour: is_open(hour) };
        // Any date will do: silence is bounded from everywhere.
        match cron.next(DateTime::constant(2000, 1, 1, 0, 0, 0, 0)) {
            Some(_) => Ok(cron),
            None => Err("never comes: no month in it has such a day".to_owned()),
        }
    }

    /// Whether the hour is open (`*`, `*/n`): such a schedule goes by elapsed time more than by the clock on the wall.
    pub(super) fn every_hour(&self) -> bool {
        self.every_hour
    }

    /// The first minute at or after `from`.
    pub(super) fn next(&self, from: DateTime) -> Option<DateTime> {
        // A minute that has begun has passed.
        let begun = from.second() > 0 || from.subsec_nanosecond() > 0;
        let mut minute = usize::from(from.hour().unsigned_abs()) * 60 + usize::from(from.minute().unsigned_abs());
        minute += usize::from(begun);
        let mut date = from.date();
        for _ in 0..=SILENCE_DAYS {
            if self.has_day(date)
                && let Some(found) = (minute..24 * 60).find(|&minute| self.has_minute(minute))
            {
                return at(date, found);
            }
            minute = 0;
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The last minute at or before `until`.
    pub(super) fn previous(&self, until: DateTime) -> Option<DateTime> {
        let mut end = usize::from(until.hour().unsigned_abs()) * 60 + usize::from(until.minute().unsigned_abs()) + 1;
        let mut date = until.date();
        for _ in 0..=SILENCE_DAYS {
            if self.has_day(date)
                && let Some(found) = (0..end).rev().find(|&minute| self.has_minute(minute))
            {
                return at(date, found);
            }
            end = 24 * 60;
            date = date.yesterday().ok()?;
        }
        None
    }

    /// Whether a minute is in it, for who looks at every minute.
    #[cfg(test)]
    pub(super) fn holds(&self, minute: DateTime) -> bool {
        let of_day = usize::from(minute.hour().unsigned_abs()) * 60 + usize::from(minute.minute().unsigned_abs());
        self.has_day(minute.date()) && self.has_minute(of_day)
    }

    fn has_day(&self, date: Date) -> bool {
        let weekday = date.weekday().since(Weekday::Sunday);
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, weekday);
        has(self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    fn has_minute(&self, minute: usize) -> bool {
        self.hours >> (minute / 60) & 1 == 1 && self.minutes >> (minute % 60) & 1 == 1
    }
}

fn has(set: u64, value: i8) -> bool {
    set >> value.unsigned_abs() & 1 == 1
}

fn at(date: Date, minute: usize) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    DateTime::new(date.year(), date.month(), date.day(), hour, minute, 0, 0).ok()
}

/// Whether a field restricts nothing, as Vixie cron sees it: by its first character.
fn is_open(text: &str) -> bool {
    text.starts_with(['*', '?'])
}

impl Field {
    fn parse(&self, text: &str) -> Result<u64, String> {
        text.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step, part)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (self.low, self.low + self.count() - 1),
            Some((from, to)) => (self.value(from, part)?, self.value(to, part)?),
            None => {
                let from = self.low + (self.value(range, part)? - self.low) % self.count();
                // `5/15` is from 5 on.
                (from, if step.is_some() { self.low + self.count() - 1 } else { from })
            }
        };
        let step = step.unwrap_or(1);
        if from <= to {
            return Ok((from..=to).step_by(step).fold(0, |set, value| set | 1 << value));
        }
        if self.names.len() != DAYS.len() {
            return Err(format!("has '{part}' as {}: a range goes from the lower to the higher", self.name));
        }
        // A week has no end: FRI-MON.
        Ok((from..=to + 7).step_by(step).fold(0, |set, value| set | 1 << (value % 7)))
    }

    /// How many different values there are.
    fn count(&self) -> u32 {
        if self.names.len() == DAYS.len() { 7 } else { self.high - self.low + 1 }
    }

    fn step(&self, step: &str, part: &str) -> Result<usize, String> {
        let parsed = number(step).filter(|step| (1..=self.count()).contains(step));
        let step = parsed.and_then(|step| usize::try_from(step).ok());
        step.ok_or_else(|| format!("has '{part}' as {}: a step is a number from 1 to {}", self.name, self.count()))
    }

    fn value(&self, text: &str, part: &str) -> Result<u32, String> {
        let named = self.names.iter().zip(self.low..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let value = named.map(|(_, value)| value).or_else(|| number(text));
        value.filter(|value| (self.low..=self.high).contains(value)).ok_or_else(|| {
            let Self { name, low, high, names } = self;
            let or = match names {
                [first, .., last] => format!(", or a name from {first} to {last}"),
                _ => String::new(),
            };
            format!("has '{part}' as {name}: it is a number from {low} to {high}{or}")
        })
    }
}

fn number(text: &str) -> Option<u32> {
    // `parse` takes a sign, which cron does not.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(schedule: &str, from: &str) -> String {
        let found = Cron::parse(schedule).unwrap().next(from.parse().unwrap()).unwrap();
        format!("{} {}", found.strftime("%Y-%m-%d %H:%M"), DAYS[found.weekday().since(Weekday::Sunday) as usize])
    }

    #[test]
    fn the_next_minute_of_a_schedule() {
        // 2026-11-23 is a Monday.
        let table = [
            ("* * * * *", "2026-11-23T10:00:00", "2026-11-23 10:00 MON"),
            ("* * * * *", "2026-11-23T10:00:01", "2026-11-23 10:01 MON"),
            ("0 3 * * SUN", "2026-11-23T10:00:00", "2026-11-29 03:00 SUN"),
            ("0 3 * * 7", "2026-11-23T10:00:00", "2026-11-29 03:00 SUN"),
            ("0 3 * * 0", "2026-11-23T10:00:00", "2026-11-29 03:00 SUN"),
            ("0 3 * * sat-sun", "2026-11-23T10:00:00", "2026-11-28 03:00 SAT"),
            ("0 3 * * FRI-MON", "2026-11-24T10:00:00", "2026-11-27 03:00 FRI"),
            ("0 3 * * FRI-MON", "2026-11-29T10:00:00", "2026-11-30 03:00 MON"),
            ("0 3 * * 5-7", "2026-11-28T10:00:00", "2026-11-29 03:00 SUN"),
            ("*/15 * * * *", "2026-11-23T10:46:00", "2026-11-23 11:00 MON"),
            ("5/15 * * * *", "2026-11-23T10:06:00", "2026-11-23 10:20 MON"),
            ("10-40/15 * * * *", "2026-11-23T10:26:00", "2026-11-23 10:40 MON"),
            ("0,30 8-9,17 * * *", "2026-11-23T09:31:00", "2026-11-23 17:00 MON"),
            ("0 0 1 JAN *", "2026-11-23T10:00:00", "2027-01-01 00:00 FRI"),
            ("0 0 29 2 *", "2026-11-23T10:00:00", "2028-02-29 00:00 TUE"),
            ("0 0 29 2 *", "2096-03-01T00:00:00", "2104-02-29 00:00 FRI"),
            ("0 0 31 4,5 *", "2026-11-23T10:00:00", "2027-05-31 00:00 MON"),
            // Both days restricted: either is enough.
            ("0 0 13 * FRI", "2026-11-23T10:00:00", "2026-11-27 00:00 FRI"),
            ("0 0 13 * FRI", "2026-12-12T10:00:00", "2026-12-13 00:00 SUN"),
            // One of them open: both must match.
            ("0 0 */2 * FRI", "2026-11-23T10:00:00", "2026-11-27 00:00 FRI"),
            ("0 0 ? * WED", "2026-11-23T10:00:00", "2026-11-25 00:00 WED"),
            ("@daily", "2026-11-23T10:00:00", "2026-11-24 00:00 TUE"),
            ("@weekly", "2026-11-23T10:00:00", "2026-11-29 00:00 SUN"),
            ("@yearly", "2026-11-23T10:00:00", "2027-01-01 00:00 FRI"),
            ("59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31 23:59 FRI"),
        ];
        for (schedule, from, expected) in table {
            assert_eq!(after(schedule, from), expected, "{schedule} from {from}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let table = [
            ("", "has 0 fields: write five, minute hour day-of-month month day-of-week, as 0 3 * * SUN"),
            ("0 3 * *", "has 4 fields"),
            ("0 0 3 * * SUN", "has 6 fields"),
            ("60 * * * *", "has '60' as minute: it is a number from 0 to 59"),
            ("* 24 * * *", "has '24' as hour"),
            ("* * 0 * *", "has '0' as day of the month"),
            ("* * * 13 *", "has '13' as month: it is a number from 1 to 12, or a name from JAN to DEC"),
            ("* * * * 8", "has '8' as day of the week"),
            ("* * * * SUNDAY", "has 'SUNDAY' as day of the week"),
            ("*/0 * * * *", "has '*/0' as minute: a step is a number from 1 to 60"),
            ("*/61 * * * *", "a step is a number from 1 to 60"),
            ("+5 * * * *", "has '+5' as minute"),
            ("-5 * * * *", "has '-5' as minute"),
            ("40-10 * * * *", "has '40-10' as minute: a range goes from the lower to the higher"),
            ("* * L * *", "has 'L' as day of the month"),
            ("1,,2 * * * *", "has '' as minute"),
            ("99999999999999999999 * * * *", "as minute"),
            ("0 0 30 2 *", "never comes: no month in it has such a day"),
            ("0 0 31 2,4,6,9,11 *", "never comes"),
            ("@reboot", "is unknown"),
            ("TZ=UTC 0 3 * * *", "must not hold a time zone: set timeZone"),
        ];
        for (schedule, expected) in table {
            let error = Cron::parse(schedule).unwrap_err();
            assert!(error.starts_with(expected) || error.contains(expected), "{schedule}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[-*/,?0-9A-Z@ ]{0,30}") {
            let _ = Cron::parse(&text);
        }

        #[test]
        fn previous_and_next_are_each_others_way_back(
            minute in 0_u8..60, hour in 0_u8..24, weekday in 0_u8..7, day in 1_i8..28, step in 1_u8..30,
        ) {
            for schedule in [
                format!("{minute} {hour} * * {weekday}"),
                format!("*/{step} {hour} {day} * *"),
                format!("{minute} */{} {day} * {weekday}", step.min(23)),
            ] {
                let cron = Cron::parse(&schedule).unwrap();
                let from = DateTime::constant(2026, 2, 1, 0, 0, 0, 0);
                let next = cron.next(from).unwrap();
                proptest::prop_assert!(next >= from);
                proptest::prop_assert_eq!(cron.previous(next), Some(next));
                proptest::prop_assert_eq!(cron.next(next), Some(next));
                let before = cron.previous(next.checked_sub(jiff::Span::new().minutes(1)).unwrap()).unwrap();
                proptest::prop_assert!(before < next);
                proptest::prop_assert_eq!(cron.next(before.checked_add(jiff::Span::new().minutes(1)).unwrap()), Some(next));
            }
        }
    }
}
