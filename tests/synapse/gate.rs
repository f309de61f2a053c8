//! Stands between a bot and its homeserver: keeps keys back, and tells where the bot is in the course of an answer.
#![allow(dead_code)]

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Where in the course of an answer the bot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// It was told of the question.
    AfterReceipt,
    /// It sends the answer, which the homeserver hasn't got yet.
    BeforeSend,
    /// The homeserver has the answer, and the bot doesn't know.
    AfterSend,
    /// The bot knows.
    BeforeRecord,
}

#[derive(Default)]
struct Plan {
    /// Where to say that it is there, and a word of the question.
    watched: Option<(Point, String)>,
    /// Whether what comes to the device, such as keys, is kept back.
    holds: bool,
    held: Vec<Value>,
    /// When the bot was last told of something.
    told: Option<Instant>,
    shares: Vec<Duration>,
}

/// The gate.
#[derive(Clone)]
pub struct Gate {
    /// Its address.
    pub address: String,
    server: String,
    http: reqwest::Client,
    plan: Arc<Mutex<Plan>>,
    reached: UnboundedSender<()>,
}

impl Gate {
    /// A gate before a homeserver. What is received tells that the point was reached.
    pub async fn before(server: &str) -> (Self, UnboundedReceiver<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (reached, told) = unbounded_channel();
        let (server, http) = (server.to_owned(), reqwest::Client::new());
        let gate = Self { address, server, http, plan: Arc::default(), reached };
        let app = Router::new().fallback(pass).with_state(gate.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (gate, told)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("nobody panics")
    }

    /// Says when the bot is there with a question that has this word.
    pub fn watch(&self, point: Point, word: &str) {
        self.plan().watched = Some((point, word.to_owned()));
    }

    /// How long it took from an answer of the homeserver with news to each answer of the bot.
    pub fn shares(&self) -> Vec<Duration> {
        std::mem::take(&mut self.plan().shares)
    }

    /// Keeps keys back, or lets go what was kept.
    pub fn hold(&self, holds: bool) {
        self.plan().holds = holds;
    }

    fn is_there(&self, point: Point, text: &str) -> bool {
        let mut plan = self.plan();
        let is_there =
            plan.watched.as_ref().is_some_and(|(watched, word)| *watched == point && text.contains(word.as_str()));
        if is_there {
            plan.watched = None;
            let _ = self.reached.send(());
        }
        is_there
    }

    /// An answer of the homeserver as the bot gets it.
    fn changed(&self, path: &str, body: Bytes) -> Bytes {
        let is_sync = path.ends_with("/sync");
        if !is_sync && !path.ends_with("/login") {
            return body;
        }
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return body };
        // The homeserver's own address would lead past the gate.
        answer.as_object_mut().map(|answer| answer.remove("well_known"));
        if is_sync {
            let mut plan = self.plan();
            let events = answer["to_device"]["events"].as_array().cloned().unwrap_or_default();
            plan.held.extend(events);
            if !plan.holds {
                answer["to_device"] = json!({"events": std::mem::take(&mut plan.held)});
            } else if answer["to_device"].is_object() {
                answer["to_device"] = json!({"events": []});
            }
        }
        answer.to_string().into()
    }
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    // There the homeserver tells its own address.
    if path.starts_with("/.well-known") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let is_answer = path.contains("/send/m.room.message/");
    if path.contains("/send/m.room.") {
        let mut plan = gate.plan();
        let share = plan.told.take().map(|told| told.elapsed());
        plan.shares.extend(share);
    }
    let said = String::from_utf8_lossy(&body).into_owned();
    if is_answer && gate.is_there(Point::BeforeSend, &said) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let target = format!("{}{}", gate.server, parts.uri.path_and_query().map_or(path.as_str(), |all| all.as_str()));
    let mut headers = HeaderMap::new();
    for name in ["authorization", "content-type"] {
        if let Some(value) = parts.headers.get(name) {
            headers.insert(name, value.clone());
        }
    }
    let sent = gate.http.request(parts.method, target).headers(headers).body(body).send().await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    if is_answer && gate.is_there(Point::AfterSend, &said) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let body = gate.changed(&path, body);
    if is_answer {
        gate.is_there(Point::BeforeRecord, &said);
    } else if path.ends_with("/sync") {
        gate.is_there(Point::AfterReceipt, &String::from_utf8_lossy(&body));
        gate.plan().told = Some(Instant::now());
    }
    (status, [("content-type", "application/json")], body).into_response()
}
