//! Onboarding: the holder of a domain shows that it is an issuer's own, and the operator leads the issuer through its
//! whole life.

mod life;

use std::net::Ipv4Addr;

use serde_json::Value;
use witness_core::{
    entry::{Entry, EntryKind},
    hash::Hash,
    name::Domain,
    observation::{Method, Observation, Seen},
};
use witness_tests::{Holders, Page, Said, Server, Witness};

use crate::production::machine::{Machine, SCHOOL};

const LOG: &str = "witness.example/log1";
const ISSUER: &str = SCHOOL.issuer;

/// A machine whose service asks these holders, and its operator.
struct Place {
    holders: Holders,
    machine: Machine,
    server: Server,
}

impl Place {
    fn new(domains: &[&str]) -> Self {
        Self::with(domains, &[])
    }

    /// With other values of some options of `[domains]`.
    fn with(domains: &[&str], values: &[(&str, &str)]) -> Self {
        let (holders, machine) = (Holders::of(domains), Machine::new());
        machine.configure(&holders.options());
        for (name, value) in values {
            machine.configure(&[(name, (*value).to_owned())]);
        }
        let server = machine.start();
        Self { holders, machine, server }
    }

    fn operator(&self) -> Witness {
        self.machine.witness().asking(&self.server)
    }

    fn issuer(&self, arguments: &[&str]) -> Said {
        let begin = ["issuer", "--json", "--log", LOG];
        self.operator().run(&[begin.as_slice(), arguments].concat())
    }

    fn does(&self, arguments: &[&str]) -> Value {
        self.issuer(arguments).expect(0).json()
    }

    /// Must be refused with this reason; gives the message.
    fn refuses(&self, arguments: &[&str], reason: &str) -> String {
        let said = self.issuer(arguments).expect(1).json();
        assert_eq!(said["reason"], reason, "{said}");
        assert!(said["next_step"].is_string(), "{said}");
        said["message"].as_str().unwrap().to_owned()
    }

    /// The challenge of a domain.
    fn challenge(&self, domain: &str) -> String {
        self.does(&["challenge", domain])["challenge"].as_str().unwrap().to_owned()
    }

    /// Every entry of the log, once all is published.
    fn entries(&self) -> Vec<Entry> {
        let size = self.server.settled();
        let tile = self.server.found(&format!("/log1/tile/entries/000.p/{size}"));
        let mut rest = tile.body.as_slice();
        let mut entries = Vec::new();
        while let Some((length, body)) = rest.split_first_chunk::<2>() {
            let (entry, others) = body.split_at(usize::from(u16::from_be_bytes(*length)));
            entries.push(Entry::parse(entry).unwrap());
            rest = others;
        }
        entries
    }

    fn size(&self) -> u64 {
        self.server.metric("witness_log_size")
    }
}

/// What the log says just before the issuer was added, and just then.
fn check_logged(place: &Place, challenge: &str, method: Method) {
    let entries = place.entries();
    let added = format!("issuer-added {ISSUER}\n");
    let at = entries.iter().position(|entry| entry.body.contains(&added)).unwrap();
    let before = &entries[at - 1];
    assert_eq!((&before.kind, &entries[at].kind), (&EntryKind::Observation, &EntryKind::Registry));
    let observation = Observation::parse(&before.body).unwrap();
    assert_eq!(observation.origin.as_str(), LOG);
    let (issuer, challenge) = (Domain::parse(ISSUER).unwrap(), Hash::of(challenge.as_bytes()));
    assert_eq!(observation.seen, Seen::Domain { issuer, method, challenge });
    let observations = entries.iter().filter(|entry| entry.kind == EntryKind::Observation);
    let about = observations.filter(|entry| entry.body.contains("\ndomain "));
    assert_eq!(about.count(), 1);
}

#[test]
fn a_domain_is_proved_over_https_and_the_log_says_so_before_it_adds_the_issuer() {
    let place = Place::new(&[ISSUER]);
    let said = place.does(&["challenge", ISSUER]);
    let challenge = said["challenge"].as_str().unwrap();
    assert!(challenge.starts_with("witness-ledger-challenge=witness.example/"), "{said}");
    assert_eq!(said["dns_name"], format!("_witness.{ISSUER}"));
    let url = said["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://school.example:") && url.ends_with("/.well-known/witness-ledger")
    );
    // The same until it expires, also after a restart, so that nobody publishes in vain.
    assert_eq!(place.challenge(ISSUER), challenge);
    let place = Place { server: restarted(place.server, &place.machine), ..place };
    assert_eq!(place.challenge(ISSUER), challenge);
    place.holders.publish(ISSUER, Page::File(format!("# for our witness\r\n{challenge}\r\n")));
    let proved = place.does(&["prove", ISSUER]);
    assert_eq!(proved["method"], "https", "{proved}");
    let place = Place { server: restarted(place.server, &place.machine), ..place };
    place.does(&["add", ISSUER]);
    check_logged(&place, challenge, Method::Https);
    // What was found counted for this issuer alone, and once: nobody is sent to publish another in vain.
    for again in ["challenge", "prove", "add"] {
        let message = place.refuses(&[again, ISSUER], "REGISTRY_REFUSED");
        assert!(message.contains("registered already, at entry "), "{message}");
        assert!(message.ends_with(LOG), "{message}");
    }
    place.server.stop();
}

fn restarted(server: Server, machine: &Machine) -> Server {
    server.stop();
    machine.start()
}

#[test]
fn a_domain_is_proved_by_the_dns_where_it_has_no_web_server() {
    let place = Place::new(&[ISSUER]);
    let challenge = place.challenge(ISSUER);
    // Two strings of one record are one text (RFC 7208 section 3.3 says so of another record, and all do so).
    let (begin, end) = challenge.split_at(40);
    place.holders.say(ISSUER, &[begin, end]);
    let proved = place.does(&["prove", ISSUER]);
    assert_eq!(proved["method"], "dns", "{proved}");
    place.does(&["add", ISSUER]);
    check_logged(&place, &challenge, Method::Dns);
    place.server.stop();
}

#[test]
fn no_issuer_is_added_whose_domain_is_not_proved_and_it_is_said_what_came() {
    const OTHER: &str = "other.example";
    let place = Place::new(&[ISSUER, OTHER]);
    let size = place.size();
    let no_challenge = place.refuses(&["prove", ISSUER], "NO_CHALLENGE");
    assert!(no_challenge.contains("witness issuer challenge school.example"), "{no_challenge}");
    let (challenge, others) = (place.challenge(ISSUER), place.challenge(OTHER));
    let long = format!("{}{challenge}\n", "x".repeat(4096));
    let file = |text: &str| Some(Page::File(text.to_owned()));
    let moved = |to: String| Some(Page::Moved(to));
    let port = &place.holders.options()[3].1;
    let elsewhere = format!("https://{OTHER}:{port}/.well-known/witness-ledger");
    place.holders.publish(OTHER, Page::File(format!("{challenge}\n")));
    for (page, text, said) in [
        (None, None, ["HTTP status 404, expected 200", "there is none"]),
        (
            file("hello\n"),
            Some("hello"),
            ["no line of it is the challenge", "there are 1, and the challenge is not"],
        ),
        (
            file(&format!("{challenge}x\n")),
            Some("v=spf1 -all"),
            ["another challenge is there", "not among them"],
        ),
        // Of the other domain: a challenge is good for one.
        (
            file(&format!("{others}\n")),
            Some(others.as_str()),
            ["another challenge is there", "another challenge is there"],
        ),
        (file(&long), None, ["a file of more than 4096 bytes", "there is none"]),
        // Whoever a redirect points to need not hold the domain.
        (
            moved(elsewhere),
            None,
            ["HTTP status 302, a redirect, which is not followed", "there is none"],
        ),
    ] {
        place.holders.forget(ISSUER);
        if let Some(page) = page {
            place.holders.publish(ISSUER, page);
        }
        if let Some(text) = text {
            place.holders.say(ISSUER, &[text]);
        }
        let connections = place.holders.connections();
        let message = place.refuses(&["prove", ISSUER], "CHALLENGE_NOT_FOUND");
        for words in said {
            assert!(message.contains(words), "{words:?} in {message}");
        }
        assert!(
            message.contains("_witness.school.example")
                && message.contains("https://school.example"),
            "{message}"
        );
        // What a stranger's server says is not repeated, and the challenge is the operator's to publish.
        assert!(
            !message.contains("hello")
                && !message.contains("spf1")
                && !message.contains(&challenge),
            "{message}"
        );
        assert_eq!(place.holders.connections(), connections + 1);
        let refused = place.refuses(&["add", ISSUER], "DOMAIN_NOT_PROVED");
        assert!(refused.contains("witness issuer prove school.example"), "{refused}");
    }
    assert_eq!(place.size(), size, "something was logged");
    assert_eq!(place.does(&["show"])["issuers"], serde_json::json!([]));
    place.server.stop();
}

#[test]
fn who_is_unknown_to_the_dns_or_has_no_certificate_proves_nothing() {
    let place = Place::new(&[ISSUER]);
    place.challenge("nowhere.example");
    let message = place.refuses(&["prove", "nowhere.example"], "CHALLENGE_NOT_FOUND");
    assert!(message.contains("the DNS knows no address of the domain"), "{message}");
    place.holders.live_at("impostor.example", Ipv4Addr::LOCALHOST);
    let line = place.challenge("impostor.example");
    place.holders.publish("impostor.example", Page::File(line));
    let message = place.refuses(&["prove", "impostor.example"], "CHALLENGE_NOT_FOUND");
    assert!(message.contains("certificate"), "{message}");
    place.server.stop();
}

#[test]
fn a_proof_of_one_domain_adds_no_other_and_a_refused_change_is_no_proof() {
    const OTHER: &str = "other.example";
    let place = Place::new(&[ISSUER, OTHER]);
    let challenge = place.challenge(ISSUER);
    place.holders.publish(ISSUER, Page::File(challenge.clone()));
    place.does(&["prove", ISSUER]);
    place.refuses(&["add", OTHER], "DOMAIN_NOT_PROVED");
    place.refuses(&["add", "sub.school.example"], "DOMAIN_NOT_PROVED");
    place.does(&["add", ISSUER]);
    let size = place.size();
    // It is there already, and nothing more is said about it in the log.
    let message = place.refuses(&["add", ISSUER], "REGISTRY_REFUSED");
    assert!(message.contains("registered already"), "{message}");
    assert_eq!(place.size(), size);
    check_logged(&place, &challenge, Method::Https);
    place.server.stop();
}

#[test]
fn a_domain_that_leads_to_an_address_of_our_own_is_not_spoken_to() {
    let place = Place::with(&[ISSUER], &[("allow_private", "false")]);
    let challenge = place.challenge(ISSUER);
    place.holders.publish(ISSUER, Page::File(challenge.clone()));
    for address in [[127, 0, 0, 1], [10, 0, 0, 7], [169, 254, 169, 254]] {
        place.holders.live_at(ISSUER, Ipv4Addr::from(address));
        let message = place.refuses(&["prove", ISSUER], "CHALLENGE_NOT_FOUND");
        assert!(
            message.contains("not one of the public Internet, so it was not asked"),
            "{message}"
        );
    }
    assert_eq!(place.holders.connections(), 0);
    // The DNS is asked through the resolver of the configuration, wherever that is.
    place.holders.say(ISSUER, &[&challenge]);
    assert_eq!(place.does(&["prove", ISSUER])["method"], "dns");
    place.server.stop();
}

#[test]
fn where_no_proof_is_asked_for_the_start_warns_and_issuers_are_added_without() {
    let machine = Machine::new();
    let server = machine.start();
    assert!(server.log().contains("prove = false"), "{}", server.log());
    let operator = machine.witness().asking(&server);
    let issuer = |arguments: &[&str]| {
        operator.run(&[["issuer", "--json", "--log", LOG].as_slice(), arguments].concat())
    };
    let refused = issuer(&["challenge", ISSUER]).expect(1).json();
    assert_eq!(refused["reason"], "DOMAINS_UNPROVED", "{refused}");
    assert_eq!(issuer(&["add", ISSUER]).expect(0).json()["outcome"], "done");
    server.stop();
}
