//! What is written down and must stay true: generated files, and the table of verdicts.

mod chart;
mod crds;
mod help;
mod table;
mod verdicts;
