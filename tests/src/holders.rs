//! Holders of domains: a small DNS and a web server for them, on loopback, as a real resolver and client see them.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tempfile::TempDir;

const WELL_KNOWN: &str = "/.well-known/witness-ledger";
/// Only against hanging for ever.
const CLIENT_WITHIN: Duration = Duration::from_mins(1);

/// What a web server answers.
#[derive(Debug, Clone)]
pub enum Page {
    /// The file.
    File(String),
    /// That the file is elsewhere.
    Moved(String),
}

#[derive(Debug, Default)]
struct World {
    addresses: BTreeMap<String, Ipv4Addr>,
    /// TXT records by their names: each one or more strings.
    texts: BTreeMap<String, Vec<Vec<String>>>,
    pages: BTreeMap<String, Page>,
    connections: u64,
}

/// Domains with their DNS and web server, and an authority that vouches for them.
#[derive(Debug)]
pub struct Holders {
    world: Arc<Mutex<World>>,
    resolver: SocketAddr,
    web: SocketAddr,
    folder: TempDir,
}

impl Holders {
    /// These domains live at 127.0.0.1 and publish nothing; the authority has certified them and no others.
    #[must_use]
    pub fn of(domains: &[&str]) -> Self {
        let (config, ca_pem) = certified(domains);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), ca_pem).unwrap();
        let world = Arc::new(Mutex::new(World::default()));
        let dns = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let web = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (resolver, at) = (dns.local_addr().unwrap(), web.local_addr().unwrap());
        let (names, sites) = (Arc::clone(&world), Arc::clone(&world));
        thread::spawn(move || serve_dns(&dns, &names));
        thread::spawn(move || serve_web(&web, &config, &sites));
        let holders = Self { world, resolver, web: at, folder };
        for domain in domains {
            holders.live_at(domain, Ipv4Addr::LOCALHOST);
        }
        holders
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// A domain has this address.
    pub fn live_at(&self, domain: &str, address: Ipv4Addr) {
        self.world().addresses.insert(domain.to_owned(), address);
    }

    /// A domain's web server answers so from now on.
    pub fn publish(&self, domain: &str, page: Page) {
        self.world().pages.insert(domain.to_owned(), page);
    }

    /// A domain's TXT record for witnesses has these strings from now on.
    pub fn say(&self, domain: &str, strings: &[&str]) {
        let record = strings.iter().map(|text| (*text).to_owned()).collect();
        self.world().texts.insert(format!("_witness.{domain}"), vec![record]);
    }

    /// A domain publishes nothing any more.
    pub fn forget(&self, domain: &str) {
        let mut world = self.world();
        world.pages.remove(domain);
        world.texts.remove(&format!("_witness.{domain}"));
    }

    /// How often the web server was connected to.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.world().connections
    }

    /// Options of the table `[domains]` with which a service asks here.
    #[must_use]
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let ca: PathBuf = self.folder.path().join("ca.pem");
        vec![
            ("prove", "true".to_owned()),
            ("resolver", format!("\"{}\"", self.resolver)),
            ("ca", format!("\"{}\"", ca.display())),
            ("https_port", self.web.port().to_string()),
            ("allow_private", "true".to_owned()),
        ]
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server's side of TLS for these names, and the certificate of the authority that certified them.
fn certified(domains: &[&str]) -> (Arc<ServerConfig>, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = domains.iter().map(|domain| (*domain).to_owned()).collect();
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = config.unwrap().with_no_client_auth();
    (Arc::new(config.with_single_cert(vec![leaf.der().clone()], secret).unwrap()), ca_pem)
}

fn serve_web(listener: &TcpListener, config: &Arc<ServerConfig>, world: &Arc<Mutex<World>>) {
    for stream in listener.incoming().map_while(Result::ok) {
        lock(world).connections += 1;
        let (config, world) = (Arc::clone(config), Arc::clone(world));
        // A client that does not like the certificate hangs up, which is its right.
        thread::spawn(move || answer_web(stream, config, &world).ok());
    }
}

/// One request (RFC 9112), one answer.
fn answer_web(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    world: &Mutex<World>,
) -> io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_WITHIN))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let (mut path, mut host) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        reader.by_ref().take(8192).read_line(&mut line)?;
        if let Some(rest) = line.strip_prefix("GET ") {
            rest.split(' ').next().unwrap_or_default().clone_into(&mut path);
        } else if let Some(rest) = line.to_ascii_lowercase().strip_prefix("host: ") {
            rest.trim().split(':').next().unwrap_or_default().clone_into(&mut host);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let page = lock(world).pages.get(&host).filter(|_| path == WELL_KNOWN).cloned();
    let (status, header, body) = match page {
        Some(Page::File(body)) => ("200 OK", String::new(), body),
        Some(Page::Moved(to)) => ("302 Found", format!("Location: {to}\r\n"), String::new()),
        None => ("404 Not Found", String::new(), "nothing here\n".to_owned()),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\n");
    let mut stream = reader.into_inner();
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn serve_dns(socket: &UdpSocket, world: &Mutex<World>) {
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let asked = question.get(..length).unwrap_or_default();
        if let Some(answer) = answer_dns(asked, &lock(world)) {
            socket.send_to(&answer, from).unwrap();
        }
    }
}

/// The answer to a question (RFC 1035 section 4.1): addresses and texts of names that are known.
fn answer_dns(message: &[u8], world: &World) -> Option<Vec<u8>> {
    const ADDRESS: u16 = 1;
    const TEXT: u16 = 16;
    let (name, end) = name_at(message, 12)?;
    let question = message.get(12..end + 4)?;
    let kind = u16::from_be_bytes(message.get(end..end + 2)?.try_into().ok()?);
    let records: Vec<Vec<u8>> = match kind {
        ADDRESS => world.addresses.get(&name).map(|it| it.octets().to_vec()).into_iter().collect(),
        TEXT => world.texts.get(&name).into_iter().flatten().map(|it| strings(it)).collect(),
        _ => Vec::new(),
    };
    let is_known = world.addresses.contains_key(&name) || world.texts.contains_key(&name);
    let flags: u16 = if is_known { 0x8180 } else { 0x8183 };
    let count = u16::try_from(records.len()).ok()?;
    let mut answer = message.get(..2)?.to_vec();
    for word in [flags, 1, count, 0, 0] {
        answer.extend(word.to_be_bytes());
    }
    answer.extend(question);
    for record in records {
        // The name of the question again, the class IN, a second to live.
        answer.extend(0xc00c_u16.to_be_bytes());
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 1]);
        answer.extend(u16::try_from(record.len()).ok()?.to_be_bytes());
        answer.extend(record);
    }
    Some(answer)
}

fn strings(texts: &[String]) -> Vec<u8> {
    let string = |text: &String| {
        [&[u8::try_from(text.len()).expect("a string of a TXT record")], text.as_bytes()].concat()
    };
    texts.iter().flat_map(string).collect()
}

/// The name at a place, in lower case, and the place behind it.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = message.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}
