//! A way to a server that holds back what the server says from some byte on, until it is opened.

use std::{
    io::{self, Read as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

/// A listener on loopback for one connection, which it passes on to a server.
#[derive(Debug)]
pub struct Sluice {
    address: SocketAddr,
    opened: mpsc::Sender<()>,
}

impl Sluice {
    /// Lets so many bytes of the server's through, and no more before it is opened.
    #[must_use]
    pub fn before(server: SocketAddr, bytes: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (opened, opening) = mpsc::channel();
        // Either end may be gone at any time.
        thread::spawn(move || pass(&listener, server, (bytes, &opening)).ok());
        Self { address, opened }
    }

    /// Where a client connects to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.opened.send(()).unwrap();
    }
}

fn pass(
    listener: &TcpListener,
    server: SocketAddr,
    (bytes, opening): (u64, &mpsc::Receiver<()>),
) -> io::Result<()> {
    let (mut client, _) = listener.accept()?;
    let mut server = TcpStream::connect(server)?;
    let (mut asks, mut asked) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut asks, &mut asked).ok();
        asked.shutdown(Shutdown::Write).ok();
    });
    if io::copy(&mut (&server).take(bytes), &mut client)? < bytes {
        return client.shutdown(Shutdown::Write);
    }
    // Whoever forgets it closes it for good.
    if opening.recv().is_ok() {
        io::copy(&mut server, &mut client).ok();
    }
    client.shutdown(Shutdown::Both)
}
