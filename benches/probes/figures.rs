//! The table at the end.

/// What was measured, what it may be, and whether that holds.
#[derive(Default)]
pub struct Figures(Vec<Row>);

struct Row {
    name: String,
    value: String,
    bound: String,
    /// None for a figure that is only told.
    holds: Option<bool>,
}

impl Figures {
    /// A figure without a bound.
    pub fn tell(&mut self, name: &str, value: String) {
        self.add(name, value, String::new(), None);
    }

    /// A figure that must not be over `bound`.
    pub fn at_most(&mut self, name: &str, value: f64, bound: f64, unit: &str) {
        self.add(name, format!("{value:.2} {unit}"), format!("at most {bound} {unit}"), Some(value <= bound));
    }

    /// A figure that must be `bound` or more.
    pub fn at_least(&mut self, name: &str, value: f64, bound: f64, unit: &str) {
        self.add(name, format!("{value:.2} {unit}"), format!("at least {bound} {unit}"), Some(value >= bound));
    }

    fn add(&mut self, name: &str, value: String, bound: String, holds: Option<bool>) {
        // Told at once as well: a long run that is cut short has still said what it saw.
        eprintln!("  {name}: {value} {bound} {}", word(holds));
        self.0.push(Row { name: name.to_owned(), value, bound, holds });
    }

    pub fn print(&self) {
        println!("\n| figure | value | bound | holds |\n| --- | --- | --- | --- |");
        for Row { name, value, bound, holds } in &self.0 {
            println!("| {name} | {value} | {bound} | {} |", word(*holds));
        }
    }

    pub fn all_hold(&self) -> bool {
        self.0.iter().all(|row| row.holds != Some(false))
    }
}

fn word(holds: Option<bool>) -> &'static str {
    match holds {
        None => "",
        Some(true) => "yes",
        Some(false) => "NO",
    }
}
