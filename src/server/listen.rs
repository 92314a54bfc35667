//! Sockets: bound, accepted, counted, timed out, and closed in order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{StatusCode, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Limits, Options, ServerError, State,
    access::{self, Access},
    answer::ApiError,
    connection::Requests,
    correlation::Correlation,
    files::Watched,
    front::{Bounded, Front},
    refusal::{Refusing, plain_answer},
    reviews::Reviews,
    routes, tls,
    writes::Writes,
};

/// A server whose port is taken, and whose files are read: what remains is to run it.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
    tls: Option<Watched<ServerConfig>>,
    limits: Limits,
}

/// Takes the port, and reads the TLS and token files.
///
/// # Errors
/// [`ServerError`] says what cannot be used, and what to do.
pub async fn bind(options: Options) -> Result<Server, ServerError> {
    let tls = options.tls.as_ref().map(tls::load).transpose()?;
    let cluster = options.cluster.map(|cluster| access::Cluster {
        reviews: Arc::new(Reviews::new(cluster.client, cluster.clock)),
        open_reads: cluster.open_reads,
    });
    let access = Access::new(options.listen, access::load(options.api_token_file.as_deref())?, cluster);
    let address = options.listen;
    let refused = |source: io::Error| ServerError::Bind { address, hint: hint(&source), source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok(Server { listener, address, access, tls, limits: options.limits })
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken: choose another with --listen (port 0 picks a free one)",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege: choose a higher one with --listen",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: choose another with --listen",
        _ => "choose another address with --listen",
    }
}

impl Server {
    /// The address that was taken, with its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets what is in flight end, within the limit for it.
    ///
    /// # Errors
    /// [`ServerError::Accept`] when the socket is broken beyond repair.
    pub async fn run(self, state: Arc<State>, shutdown: CancellationToken) -> Result<(), ServerError> {
        let Self { listener, address, access, tls, limits } = self;
        let access = Arc::new(access);
        let tls = tls.map(Arc::new);
        let filters = TowerToHyperService::new(warp::service(routes::filter(&state, &limits)));
        let front = Arc::new(Front {
            filters,
            state,
            access: Arc::clone(&access),
            limits: limits.clone(),
            writes: Writes::default(),
        });

        let mut tasks = JoinSet::new();
        tasks.spawn(refresh(Arc::clone(&access), tls.clone()));
        if access.is_closed() {
            tracing::warn!(
                "this address is not loopback: without --api-token-file only health, readiness, liveness and metrics answer"
            );
        }
        let scheme = if tls.is_some() { "https" } else { "http" };
        tracing::info!(address = %address, url = format!("{scheme}://{address}"), "listening");

        let seats = Arc::new(Semaphore::new(limits.connections));
        let mut house = House {
            graceful: GracefulShutdown::new(),
            tracker: TaskTracker::new(),
            tls,
            limits,
            seats: Arc::clone(&seats),
        };
        let outcome = loop {
            // Connections that ended are taken out of the set, so that it does not grow.
            while let Some(ended) = tasks.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(error = &error as &dyn std::error::Error, "a connection's task failed");
                }
            }
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break Ok(()),
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, _peer)) => match Arc::clone(&seats).try_acquire_owned() {
                    Ok(seat) => {
                        let connection = house.connection(socket, seat, Arc::clone(&front));
                        tasks.spawn(connection);
                    }
                    Err(_) => {
                        front.state.metrics.connections_rejected().inc();
                        turn_away(&socket, house.tls.is_none());
                    }
                },
                Err(error) if is_of_one_client(&error) => {}
                Err(error) if is_shortage(&error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot accept a connection now");
                    // Descriptors come back as connections end; trying again at once would only burn time.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => break Err(ServerError::Accept(error)),
            }
        };
        drop(listener);
        let drain = house.limits.drain;
        let ended = tokio::time::timeout(drain, house.end()).await;
        if ended.is_err() {
            tracing::warn!(after_ms = drain.as_millis(), "requests in flight are cut off");
        }
        tasks.shutdown().await;
        outcome
    }
}

/// What all connections share.
struct House {
    graceful: GracefulShutdown,
    /// Streams of HTTP/2 run as tasks of their own.
    tracker: TaskTracker,
    tls: Option<Arc<Watched<ServerConfig>>>,
    limits: Limits,
    /// One per connection that may be open.
    seats: Arc<Semaphore>,
}

/// How long a connection may be silent, or a request may take.
struct Patience {
    limits: Limits,
    seats: Arc<Semaphore>,
}

impl Patience {
    fn idle(&self) -> Duration {
        let is_crowded = self.seats.available_permits() < self.limits.connections / 4;
        if is_crowded { self.limits.crowded } else { self.limits.head }
    }
}

impl House {
    fn connection<S>(
        &mut self,
        socket: TcpStream,
        seat: OwnedSemaphorePermit,
        front: Arc<Front<S>>,
    ) -> impl Future<Output = ()> + Send + use<S>
    where
        S: hyper::service::Service<Bounded, Response = warp::reply::Response, Error = std::convert::Infallible>
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let watcher = self.graceful.watcher();
        let (tracker, limits) = (Tracker(self.tracker.clone()), self.limits.clone());
        let patience = Patience { limits: limits.clone(), seats: Arc::clone(&self.seats) };
        // Per connection, so that a renewed certificate is shown to the next client.
        let tls = self.tls.as_ref().map(|tls| tls.value());
        async move {
            let _seat = seat;
            let open = front.state.metrics.connections().clone();
            open.inc();
            let _open = Decrement(open);
            // Answers are small, and clients wait for them: Nagle's algorithm would hold them back.
            let _ = socket.set_nodelay(true);
            match tls {
                None => serve(socket, watcher, tracker, front, patience).await,
                Some(config) => {
                    let acceptor = tokio_rustls::TlsAcceptor::from(config);
                    match tokio::time::timeout(limits.handshake, acceptor.accept(socket)).await {
                        Ok(Ok(stream)) => serve(stream, watcher, tracker, front, patience).await,
                        Ok(Err(error)) => {
                            tracing::debug!(error = &error as &dyn std::error::Error, "TLS handshake failed")
                        }
                        Err(_) => tracing::debug!("TLS handshake took too long"),
                    }
                }
            }
        }
    }

    /// Asks every connection to end, and waits for it.
    async fn end(self) {
        self.graceful.shutdown().await;
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Serves the requests of one connection until it ends, or has to.
async fn serve<S, Io>(
    io: Io,
    watcher: hyper_util::server::graceful::Watcher,
    tracker: Tracker,
    front: Arc<Front<S>>,
    patience: Patience,
) where
    S: hyper::service::Service<Bounded, Response = warp::reply::Response, Error = std::convert::Infallible>
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (clock, limits) = (front.state.clock.clone(), &patience.limits);
    let requests = Requests::new(clock.mono());
    let io = Refusing::new(io, Arc::clone(&front.state), requests.clone());
    let service = service_fn({
        let requests = requests.clone();
        move |request| {
            let (front, requests) = (Arc::clone(&front), requests.clone());
            async move { front.answer(request, requests).await }
        }
    });
    let mut builder = auto::Builder::new(tracker);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(Limits::HARD_HEADERS)
        .max_buf_size(Limits::HARD_HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(Limits::HARD_HEADER_BYTES as u32)
        // A scraper uses one; a page that opens some more is well served.
        .max_concurrent_streams(32);
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let served = watcher.watch(connection.into_owned());
    tokio::pin!(served);
    loop {
        let deadline = requests.deadline(limits.whole, patience.idle());
        // Looked at again soon: requests that begin or end move the deadline, and so does a crowd.
        let look = deadline.min(clock.mono() + limits.crowded);
        tokio::select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(error = &*error as &dyn std::error::Error, "connection ended early");
                }
                return;
            }
            () = tokio::time::sleep_until(clock.instant(look)) => {
                if clock.mono() >= requests.deadline(limits.whole, patience.idle()) {
                    tracing::debug!("connection ended: it took too long, or was idle");
                    return;
                }
            }
        }
    }
}

/// Looks at the files that are in force, again and again.
async fn refresh(access: Arc<Access>, tls: Option<Arc<Watched<ServerConfig>>>) {
    if access.tokens().is_none() && tls.is_none() {
        return;
    }
    loop {
        tokio::time::sleep(Watched::<()>::EVERY).await;
        let (access, tls) = (Arc::clone(&access), tls.clone());
        let looked = tokio::task::spawn_blocking(move || {
            if let Some(tokens) = access.tokens() {
                tokens.refresh();
            }
            if let Some(tls) = tls {
                tls.refresh();
            }
        });
        if let Err(error) = looked.await {
            tracing::error!(error = &error as &dyn std::error::Error, "the token and TLS files could not be looked at");
        }
    }
}

/// As much as fits into the socket's buffer at once; who is not there to read it gets a closed connection.
fn turn_away(socket: &TcpStream, plain: bool) {
    if !plain {
        return;
    }
    let correlation = Correlation::fresh();
    let error = ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too_many_connections",
        "as many connections as are allowed are open",
    );
    let answer = plain_answer(&error, &correlation, "retry-after: 1\r\n");
    let _ = socket.try_write(answer.as_bytes());
}

/// The client went away between its connect and our accept.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// This machine has too little of something now: EMFILE, ENFILE, ENOBUFS, ENOMEM (accept(2)).
fn is_shortage(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    use rustix::io::Errno;
    matches!(code, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Counts down when a connection ends, however it ends.
struct Decrement(prometheus::IntGauge);

impl Drop for Decrement {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Runs hyper's tasks where they are waited for at the end.
#[derive(Clone)]
struct Tracker(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracker
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
