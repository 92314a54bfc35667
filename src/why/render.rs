//! A story as lines for a terminal.

use super::story::{FIRST_STEPS, Story};

impl Story {
    /// The lines. Without control characters: a row may hold what a receiver sent.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |words: &str| {
            text.push_str(&plain(words));
            text.push('\n');
        };
        line(&self.headline);
        self.who.iter().for_each(|sentence| line(sentence));
        for other in &self.others {
            line(&format!("  {}  {}", other.fingerprint, other.text));
        }
        if !self.steps.is_empty() {
            line("");
            let about = self.alert.as_ref().map_or(String::new(), |alert| {
                format!(
                    " to {} (rule {}/{}, fingerprint {})",
                    alert.name, alert.namespace, alert.rule, alert.fingerprint
                )
            });
            line(&format!("What happened{about}; times are UTC:"));
        }
        let mut today = String::new();
        for (number, step) in self.steps.iter().enumerate() {
            if number == FIRST_STEPS && self.left_out > 0 {
                line(&format!("  … {} steps are left out; `probity audit` has them …", self.left_out));
            }
            let (date, time) = step.at.split_once('T').unwrap_or(("", &step.at));
            if date != today {
                today = date.to_owned();
                line(&format!("  {date}"));
            }
            line(&format!("  {}  {}", time.trim_end_matches('Z'), step.text));
        }
        line("");
        self.notes.iter().for_each(|note| line(note));
        let at = self.at.replace('T', " ");
        line(&format!("Now ({} UTC): {}", at.split('.').next().unwrap_or(&at), self.now));
        text
    }
}

fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
