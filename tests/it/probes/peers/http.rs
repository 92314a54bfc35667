//! HTTP servers that answer as a test wants and remember what they were asked.

use std::{net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use probity::model::{Http, HttpExpect, HttpVersion, IpFamily, StatusSet, Tls};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// "GET /path HTTP/1.1"
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// A server in this process. It ends with the value.
pub struct Site {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: AbortHandle,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    /// Answers each request with the bytes that `answer` gives, and closes.
    pub async fn new(answer: impl Fn(&Heard) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0", None, answer).await
    }

    /// The same under another address, or in TLS.
    pub async fn start(
        bind: &str,
        tls: Option<ServerConfig>,
        answer: impl Fn(&Heard) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(bind).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answer, remembered) = (Arc::new(answer), Arc::clone(&heard));
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, heard, tls) = (Arc::clone(&answer), Arc::clone(&remembered), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*answer, &heard).await;
                            }
                        }
                        None => serve(stream, &*answer, &heard).await,
                    }
                });
            }
        });
        Self { address, heard, task: task.abort_handle() }
    }

    /// Always answers this.
    pub async fn fixed(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_| answer.clone()).await
    }

    /// Every request so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(dyn Fn(&Heard) -> Vec<u8> + Send + Sync),
    heard: &Mutex<Vec<Heard>>,
) {
    let Some(request) = hear(&mut stream).await else { return };
    heard.lock().push(request.clone());
    let _ = stream.write_all(&answer(&request)).await;
    let _ = stream.shutdown().await;
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Option<Heard> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Heard { line, headers, body })
}

/// An answer with its length.
pub fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("connection: close\r\n\r\n");
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}

pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", &[], body)
}

pub fn redirect(status: &str, location: &str) -> Vec<u8> {
    answer(status, &[("location", location)], "")
}

/// A probe of `url` with the defaults of the API.
pub fn http(url: &str) -> Http {
    Http {
        url: url.parse().unwrap(),
        method: hyper::Method::GET,
        headers: vec![],
        body: None,
        follow_redirects: true,
        max_body_bytes: 1 << 20,
        ip_family: IpFamily::Any,
        version: HttpVersion::Http1,
        auth: None,
        tls: Arc::new(Tls::default()),
        expect: HttpExpect {
            status: StatusSet::default(),
            body_matches: vec![],
            body_not_matches: vec![],
            headers: vec![],
            when: None,
        },
    }
}
