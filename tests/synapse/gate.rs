//! A proxy between the bot and its homeserver. It interrupts the bot at a given point of an answer, withholds room
//! keys, and measures the bot's part of the response time.
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

/// A point in the course of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The bot receives the question.
    AfterReceipt,
    /// The bot sends the answer, and the homeserver hasn't received it. The bot gets an error.
    BeforeSend,
    /// The homeserver has received the answer, and the bot doesn't know. The bot gets an error.
    AfterSend,
    /// The bot receives the confirmation of the answer.
    BeforeRecord,
}

#[derive(Default)]
struct Plan {
    /// Point to report, and text that the request or response must contain.
    watched: Option<(Point, String)>,
    /// True while to-device events, such as room keys, are withheld.
    holds: bool,
    /// Withheld to-device events.
    held: Vec<Value>,
    /// Time of the last sync response to the bot.
    told: Option<Instant>,
    /// Times from a sync response to the bot's next answer.
    shares: Vec<Duration>,
}

/// A running proxy.
#[derive(Clone)]
pub struct Gate {
    /// Base URL for the bot.
    pub address: String,
    server: String,
    http: reqwest::Client,
    plan: Arc<Mutex<Plan>>,
    reached: UnboundedSender<()>,
}

impl Gate {
    /// Starts a proxy for a homeserver. The receiver gets a message each time the watched point is reached.
    pub async fn before(server: &str) -> (Self, UnboundedReceiver<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (reached, told) = unbounded_channel();
        let (server, http) = (server.to_owned(), reqwest::Client::new());
        let gate = Self { address, server, http, plan: Arc::default(), reached };
        let app = Router::new().fallback(pass).with_state(gate.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (gate, told)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("no thread panics while it holds the lock")
    }

    /// Reports once when the bot reaches the point with a message that contains `word`.
    pub fn watch(&self, point: Point, word: &str) {
        self.plan().watched = Some((point, word.to_owned()));
    }

    /// Returns the times from a sync response to the bot's next answer, and clears them.
    pub fn shares(&self) -> Vec<Duration> {
        std::mem::take(&mut self.plan().shares)
    }

    /// Withholds to-device events, such as room keys, or delivers the withheld ones with the next sync response.
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

    /// Changes a response of the homeserver for the bot.
    fn changed(&self, path: &str, body: Bytes) -> Bytes {
        let is_sync = path.ends_with("/sync");
        if !is_sync && !path.ends_with("/login") {
            return body;
        }
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return body };
        // With the homeserver's address, the bot would bypass the proxy.
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
    // The response would contain the homeserver's address.
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
