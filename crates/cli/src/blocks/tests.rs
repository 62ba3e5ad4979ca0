//! Nodes that answer as a test wants, and what is then seen of a block.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use witness_anchor::alloy::keccak256;
use witness_core::{
    evm::Word,
    key::{SignatureType, SigningKey},
    policy::TrustedChain,
    rollup::Contract,
};

use super::*;

const CHAIN: u64 = 31337;
const CONTRACT: Contract = Contract { chain: CHAIN, address: [7; 20] };
const CODE: [u8; 3] = [1, 2, 3];
const BLOCK: AnchorBlock = AnchorBlock { contract: CONTRACT, number: 10, hash: Word([5; 32]) };

/// What a node is like.
#[derive(Clone, Copy)]
struct Like {
    chain: u64,
    last_final: u64,
    hash: u8,
    code: [u8; 3],
}

const HONEST: Like = Like { chain: CHAIN, last_final: 10, hash: 5, code: CODE };

/// A node that runs until the test ends.
fn node(like: Like) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || while answer(&stream, like).is_some() {});
        }
    });
    Endpoint { operator: url.clone(), url }
}

fn answer(mut stream: &TcpStream, like: Like) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut header = String::new();
    while reader.read_line(&mut header).ok()? > 2 {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let call: Value = serde_json::from_slice(&body).ok()?;
    let block = |number: u64, hash: u8| {
        let hash = B256::repeat_byte(hash);
        json!({ "number": format!("{number:#x}"), "hash": hash, "parentHash": hash, "timestamp": "0x1" })
    };
    let result = match (call["method"].as_str()?, call["params"][0].as_str()) {
        ("eth_chainId", _) => json!(format!("{:#x}", like.chain)),
        ("eth_getCode", _) => json!(witness_anchor::alloy::Bytes::copy_from_slice(&like.code)),
        ("eth_getBlockByNumber", Some("finalized")) => block(like.last_final, 9),
        ("eth_getBlockByNumber", Some("0xa")) => block(10, like.hash),
        _ => Value::Null,
    };
    let text = json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }).to_string();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()).ok()
}

/// What becomes of the block with these nodes: the first letter of its outcome, and why.
fn seen(endpoints: &[Endpoint]) -> (char, String) {
    let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[7; 32]).unwrap();
    let mut policy = Policy::for_firm(key.verifying_key().clone());
    let code_hash = Word(keccak256(CODE).0);
    policy.chains = vec![TrustedChain { contract: CONTRACT, code_hash, blocks: Vec::new() }];
    let other = AnchorBlock { contract: Contract { chain: 1, ..CONTRACT }, ..BLOCK };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sights = runtime.block_on(look(endpoints, &policy, [BLOCK, other].into()));
    // The policy does not name the other contract.
    let [sight] = sights.as_slice() else { panic!("{sights:?}") };
    assert_eq!(sight.block().is_some(), sight.seen.is_ok());
    assert_eq!(sight.is_refuted(), sight.json()["outcome"] == "refuted");
    let outcome = sight.json()["outcome"].as_str().unwrap().chars().next().unwrap();
    (outcome, sight.json()["reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_block_is_seen_where_all_nodes_have_it_and_the_contract() {
    let honest = node(HONEST);
    assert_eq!(seen(&[node(HONEST)]).0, 's');
    assert_eq!(seen(&[honest.clone(), node(HONEST)]).0, 's');
    let cases = [
        (Like { last_final: 9, ..HONEST }, 'n', "only blocks up to 9"),
        (Like { hash: 6, ..HONEST }, 'r', "has another one, 0x0606"),
        (Like { code: [3, 2, 1], ..HONEST }, 'r', "other code"),
        (Like { chain: 1, ..HONEST }, 'u', "no node of chain 31337"),
    ];
    for (like, outcome, why) in cases {
        let alone = seen(&[node(like)]);
        assert!(alone.0 == outcome && alone.1.contains(why), "{alone:?}");
    }
    let liar = node(Like { hash: 6, ..HONEST });
    let contradicted = seen(&[honest.clone(), liar]);
    assert!(contradicted.0 == 'u' && contradicted.1.contains("do not agree"), "{contradicted:?}");
    let nobody = Endpoint { url: "http://127.0.0.1:1/key-key-key".to_owned(), ..honest.clone() };
    let away = seen(&[honest, nobody]);
    assert!(away.0 == 'u' && away.1.contains("does not answer"), "{away:?}");
    assert!(!away.1.contains("key-key-key"), "{away:?}");
}

#[test]
fn a_block_is_seen_if_all_say_so_and_refuted_if_all_deny_it() {
    let said = |answers: &[char]| {
        let answer = |it: &char| match it {
            's' => Ok(()),
            'n' => Err(Unseen::NotYet(String::new())),
            'u' => Err(Unseen::Unknown(String::new())),
            _ => Err(Unseen::Refuted(String::new())),
        };
        match together(answers.iter().map(answer).collect(), 1) {
            Ok(()) => 's',
            Err(Unseen::NotYet(_)) => 'n',
            Err(Unseen::Unknown(_)) => 'u',
            Err(Unseen::Refuted(_)) => 'r',
            Err(Unseen::Disregarded(_)) => 'd',
        }
    };
    assert_eq!(said(&[]), 'u');
    for one in ['s', 'n', 'u', 'r'] {
        assert_eq!(said(&[one]), one);
        assert_eq!(said(&[one, one]), one);
    }
    for (both, outcome) in [("sn", 'n'), ("su", 'u'), ("sr", 'u'), ("nr", 'u'), ("ur", 'u')] {
        let mut both: Vec<char> = both.chars().collect();
        assert_eq!(said(&both), outcome, "{both:?}");
        both.reverse();
        assert_eq!(said(&both), outcome, "{both:?}");
    }
}
