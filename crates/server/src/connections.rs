//! Connections to the public port, plain or over TLS: none that says nothing, and none that waits for another.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, Interval, Sleep, interval_at, sleep},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use witness_core::hash::Hash;

use crate::{
    places::{Place, Places},
    tls,
    untaken::{AllUntaken, Untaken},
};

/// A connection must say within this what it speaks, TLS's handshake included: so many bytes, the preface of HTTP/2 (RFC 9113 section
/// 3.4), or enough that it is answered. Later on, pings and the time for headers find out who is alive.
const OPENING_WITHIN: Duration = Duration::from_secs(10);
const OPENING_BYTES: usize = 24;
/// How often it is looked whether the peer takes its answers.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait after a connection could not be accepted, as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections that come in; over TLS, those whose handshake is done.
pub(crate) fn incoming(
    listener: TcpListener,
    tls: Option<tls::Current>,
    untaken: Arc<AllUntaken>,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, connections) = mpsc::channel(1);
    tokio::spawn(async move {
        let places = Arc::new(Places::default());
        while let Some(permit) = places.permit().await {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let address = peer.ip().to_canonical();
                    let Some(place) = Place::of(&places, address, permit) else { continue };
                    let open = Opening::new(stream, (address, untaken.connection()), place);
                    // Each on its own, so that none waits for another one's handshake.
                    tokio::spawn(open.hand_on(tls.as_ref().map(current), sender.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(connections)
}

fn current(tls: &tls::Current) -> TlsAcceptor {
    Arc::clone(&tls.borrow()).into()
}

/// A connection that has not said yet what it speaks.
struct Opening {
    stream: TcpStream,
    address: IpAddr,
    untaken: Arc<Untaken>,
    deadline: Pin<Box<Sleep>>,
    place: Place,
}

impl Opening {
    fn new(stream: TcpStream, (address, untaken): (IpAddr, Arc<Untaken>), place: Place) -> Self {
        // A small answer must not wait until the peer has acknowledged the one before (Nagle's algorithm).
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is gone already");
        }
        Self { stream, address, untaken, deadline: Box::pin(sleep(OPENING_WITHIN)), place }
    }

    /// The handshake, if there is one, and then it is served. An error means that nobody serves any more.
    async fn hand_on(self, tls: Option<TlsAcceptor>, served: mpsc::Sender<io::Result<Connection>>) {
        let Self { stream, address, untaken, mut deadline, place } = self;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(tls) => {
                let shaken = tokio::select! {
                    shaken = tls.accept(stream) => shaken,
                    () = &mut deadline => return,
                };
                match shaken {
                    Ok(stream) => Stream::Tls(Box::new(stream)),
                    Err(error) => return tracing::debug!(%error, "a handshake failed"),
                }
            }
        };
        let peer = Peer { address, certificate: stream.certificate(), untaken };
        let opening = Some((deadline, OPENING_BYTES));
        let looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        served.send(Ok(Connection { stream, peer, opening, looks, _place: place })).await.ok();
    }
}

/// What lies under a connection.
#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The bytes below, or the bytes inside.
    fn bytes(&mut self) -> Pin<&mut dyn Bytes> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }

    /// SHA-256 of the client's certificate, if it has shown one.
    fn certificate(&self) -> Option<Hash> {
        let Self::Tls(stream) = self else { return None };
        let (_, session) = stream.get_ref();
        session.peer_certificates()?.first().map(|leaf| Hash::of(leaf))
    }
}

/// Bytes both ways.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// SHA-256 of the client certificate that it has shown, and proved to have the key of.
    pub(crate) certificate: Option<Hash>,
    /// What it has not taken yet.
    pub(crate) untaken: Arc<Untaken>,
}

/// A connection with its place among all.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    peer: Peer,
    /// Until it has said what it speaks: its time, and the bytes that are missing.
    opening: Option<(Pin<Box<Sleep>>, usize)>,
    looks: Interval,
    _place: Place,
}

impl Connection {
    /// Fails once an answer was not taken in its time. Whoever serves this is woken to find out.
    fn look(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.looks.poll_tick(context).is_ready() {
            if self.peer.untaken.is_overdue() {
                tracing::debug!(peer = %self.peer.address, "answers are not taken");
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.look(context)?;
        let before = buffer.filled().len();
        let read = this.stream.bytes().poll_read(context, buffer);
        let Some((deadline, missing)) = &mut this.opening else { return read };
        *missing = missing.saturating_sub(buffer.filled().len() - before);
        if *missing == 0 {
            this.opening = None;
        } else if deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look(context)?;
        this.opening = None;
        this.stream.bytes().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.bytes().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.bytes().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look(context)?;
        this.opening = None;
        this.stream.bytes().poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}
