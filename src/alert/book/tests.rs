//! What the book makes of rules, checks and time.
