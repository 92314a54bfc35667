//! The API as JSON over plain HTTP, for answers that `kubectl` would render.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use crate::{Context, Result};

/// Talks to `kubectl proxy`.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    port: u16,
}

/// What the API server answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What it has against a request, or the whole answer.
    pub fn message(&self) -> String {
        self.body["message"].as_str().map_or_else(|| self.body.to_string(), str::to_owned)
    }

    /// The field and the message of each cause that it names.
    pub fn causes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = self.body["details"]["causes"].as_array();
        causes.into_iter().flatten().map(|cause| (text(&cause["field"]), text(&cause["message"]))).collect()
    }
}

impl Api {
    /// Whatever speaks plain HTTP on a port of the loopback interface.
    pub fn new(port: u16) -> Self {
        Self { port }
    }

    /// # Errors
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, "")
    }

    /// # Errors
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send("POST", path, &body.to_string())
    }

    /// HTTP/1.0: the answer ends with the connection, and comes in one piece.
    fn send(&self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).context("cannot connect")?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).context("cannot bound the wait")?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").context("cannot send")?;
        let mut text = String::new();
        // The metrics of 10,000 checks are 31 MB.
        stream.take(64 << 20).read_to_string(&mut text).context("cannot read the answer")?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("the answer has no status")?;
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        Ok(Answer { status, body })
    }
}
