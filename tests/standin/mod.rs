//! Simulates Discord on the loopback interface, REST API and gateway, for the Discord tests and the examples.
//!
//! The stand-in checks every request of the bot against the OpenAPI description that `DISCORD_OPENAPI` names, if it is
//! set, and against limits that the description leaves out. [`StandIn::problems`] returns the violations.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, watch};

/// Ids of the bot, its application, two members of the server and another bot.
pub const BOT: u64 = 99;
pub const APPLICATION: u64 = 98;
pub const PERSON: u64 = 1;
pub const STRANGER: u64 = 2;
pub const OTHER_BOT: u64 = 3;

/// Id of a user who has left the server.
pub const FORMER: u64 = 6;

/// Ids of the server, its main channel, and the channel of direct messages.
pub const GUILD: u64 = 500;
pub const CHANNEL: u64 = 700;
pub const DIRECT: u64 = 800;

/// Ids of another channel of the server, its log channel, and a thread in the main channel.
pub const OTHER_CHANNEL: u64 = 701;
pub const LOG_CHANNEL: u64 = 702;
pub const THREAD: u64 = 703;

/// The message content intent. Without it, Discord sends the messages of other users without their content.
const MESSAGE_CONTENT: u64 = 1 << 15;

/// The heartbeat interval in milliseconds: long enough that a test sees only the heartbeats that it requests.
const HEARTBEAT_MS: u64 = 40_000;

/// The longest wait for an event. Passing tests wait only milliseconds; the limit ends a failing test.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Id of the server's role with the permission *Manage Messages*. [`STRANGER`] has it.
pub const KEEPERS: u64 = 4712;

/// Paths at which the bot registers the global commands and the moderators' commands of the server.
pub const COMMANDS: &str = "/applications/98/commands";
pub const KEEPERS_COMMANDS: &str = "/guilds/500/commands";

/// A failure of the request with which the bot sends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Responds with this status and drops the message.
    Status(u16),
    /// Stores the message and never responds.
    KeepAndHang,
    /// Drops the message and never responds.
    Hang,
    /// Stores the message and responds only after the next message.
    Late,
}

/// A request of the bot.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Value,
}

#[derive(Default)]
struct Inner {
    /// Registered commands, by the path of the registration.
    commands: BTreeMap<String, Vec<Value>>,
    channels: BTreeMap<u64, Vec<Value>>,
    faults: VecDeque<Fault>,
    problems: Vec<String>,
    nonces: BTreeMap<String, Value>,
    /// First responses to interactions, by token.
    responses: BTreeMap<String, Value>,
    /// Files that people attached to commands, by id.
    attached: BTreeMap<u64, Vec<u8>>,
    /// Files that the bot sent.
    given: Vec<String>,
    next_id: u64,
    sequence: u64,
    /// Events of the session with their sequence numbers, to be sent again on resume.
    sent: Vec<(u64, String)>,
    intents: u64,
    /// Status and Discord error code for the next responses to interactions.
    refusals: VecDeque<(u16, u32)>,
    /// Status for the next follow-up messages.
    refused_follow_ups: VecDeque<u16>,
    /// Parent and name of each thread.
    threads: BTreeMap<u64, (u64, String)>,
    registrations: u64,
    /// Numbers of sessions that were started and resumed when a test last waited for one.
    seen: (u64, u64),
    refuses: bool,
    refuses_commands: bool,
    has_no_gateway: bool,
    refuses_intents: bool,
}

/// A running stand-in.
#[derive(Clone)]
pub struct StandIn {
    inner: Arc<Mutex<Inner>>,
    events: broadcast::Sender<Event>,
    /// Numbers of sessions that were started and resumed.
    sessions: watch::Sender<(u64, u64)>,
    /// Number of heartbeats from the bot.
    beats: watch::Sender<u64>,
    /// Number of messages from the bot.
    said: watch::Sender<u64>,
    requests: mpsc::UnboundedSender<Request>,
    pub address: String,
    description: Arc<Option<Description>>,
}

#[derive(Clone)]
enum Event {
    Dispatch(u64, String),
    /// A payload that isn't an event, such as the request to reconnect.
    Send(String),
    /// Closes the connection.
    Cut,
}

/// The bot's requests, for the test to read in order.
pub struct Requests(mpsc::UnboundedReceiver<Request>);

impl Requests {
    /// Returns the next request with this method and an ending of the path; skips others.
    pub async fn next(&mut self, method: &str, ending: &str) -> Request {
        loop {
            let request = tokio::time::timeout(WAIT_TIMEOUT, self.any()).await;
            let request = request.unwrap_or_else(|_| panic!("no {method} …{ending} in time"));
            if request.method == method && request.path.ends_with(ending) {
                return request;
            }
        }
    }

    /// Returns the next request.
    pub async fn any(&mut self) -> Request {
        self.0.recv().await.expect("the stand-in runs")
    }

    /// Returns the next message that the bot sends to a channel.
    pub async fn said(&mut self, channel: u64) -> Value {
        self.next("POST", &format!("/channels/{channel}/messages")).await.body
    }

    /// Returns the next follow-up message to an interaction.
    pub async fn followed(&mut self) -> Value {
        loop {
            let request = self.next("POST", "").await;
            if request.path.contains("/webhooks/") {
                return request.body;
            }
        }
    }

    /// Returns the next response to an interaction.
    pub async fn answered(&mut self) -> Value {
        self.next("POST", "/callback").await.body
    }
}

impl StandIn {
    /// Starts the stand-in on a free port.
    pub async fn start() -> (Self, Requests) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("127.0.0.1:{}", listener.local_addr().expect("an address").port());
        let (requests, receiver) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(16_384);
        let inner = Arc::new(Mutex::new(Inner { next_id: snowflake_now(), ..Inner::default() }));
        let standin = Self {
            inner,
            events,
            sessions: watch::channel((0, 0)).0,
            beats: watch::channel(0).0,
            said: watch::channel(0).0,
            requests,
            address,
            description: Arc::new(Description::load()),
        };
        let api = Router::new()
            .route("/users/@me", get(me))
            .route("/users/@me/channels", post(open_direct))
            .route("/oauth2/applications/@me", get(application))
            .route("/applications/@me", get(application))
            .route("/gateway", get(gateway))
            .route("/gateway/bot", get(gateway))
            .route("/applications/{application}/commands", get(commands).put(set_commands))
            .route("/applications/{application}/guilds/{guild}/commands", get(commands).put(set_commands))
            .route("/guilds/{guild}", get(guild))
            .route("/guilds/{guild}/members/{user}", get(guild_member))
            .route("/channels/{channel}", get(channel))
            .route("/channels/{channel}/messages", get(history).post(say))
            .route(
                "/channels/{channel}/messages/{message}",
                get(one_message).patch(edit_message).delete(delete_message),
            )
            .route("/interactions/{id}/{token}/callback", post(callback))
            .route("/webhooks/{application}/{token}", post(follow_up))
            .route("/webhooks/{application}/{token}/messages/@original", get(original).delete(remove));
        let app = Router::new()
            .nest("/api/v10", api)
            .route("/gw", any(connect))
            .route("/attachments/{id}", get(attachment))
            .fallback(unexpected)
            .with_state(standin.clone());
        // Like Discord's servers, send small frames without delay.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (standin, Requests(receiver))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns what was wrong with the bot's requests so far.
    pub fn problems(&self) -> Vec<String> {
        self.lock().problems.clone()
    }

    /// Returns the number of registrations of commands.
    pub fn registrations(&self) -> u64 {
        self.lock().registrations
    }

    /// Rejects the bot's token with 401 from now on.
    pub fn refuse_the_token(&self) {
        self.lock().refuses = true;
    }

    /// Rejects the request for the registered commands with 403 from now on.
    pub fn refuse_commands(&self) {
        self.lock().refuses_commands = true;
    }

    /// Closes every new session with the code for disallowed intents.
    pub fn refuse_the_intents(&self) {
        self.lock().refuses_intents = true;
    }

    /// Gives the bot an unreachable gateway address from now on.
    pub fn have_no_gateway(&self) {
        self.lock().has_no_gateway = true;
    }

    /// Waits until the bot that was started last has a session.
    pub async fn until_connected(&self) {
        self.until(|seen, (begun, _)| begun > seen.0).await;
    }

    /// Waits until a session is resumed.
    pub async fn until_resumed(&self) {
        self.until(|_, (_, resumed)| resumed > 0).await;
    }

    async fn until(&self, is_so: impl Fn((u64, u64), (u64, u64)) -> bool) {
        let seen = self.lock().seen;
        let mut sessions = self.sessions.subscribe();
        let waited = tokio::time::timeout(WAIT_TIMEOUT, sessions.wait_for(|now| is_so(seen, *now))).await;
        let now = *waited.expect("the bot connects in time").expect("the stand-in runs");
        self.lock().seen = now;
    }

    /// Fails the next messages of the bot, in order.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// Forgets the nonces of messages, as Discord does after some minutes.
    pub fn forget_nonces(&self) {
        self.lock().nonces.clear();
    }

    /// Cancels the faults that haven't occurred yet.
    pub fn forget_faults(&self) {
        self.lock().faults.clear();
    }

    /// Waits until each of these messages has a reply.
    pub async fn until_answered(&self, channel: u64, asked: &[Value]) {
        let mut said = self.said.subscribe();
        let is_answered = || {
            let messages = self.channel(channel);
            let answers = |id: &Value| messages.iter().any(|message| message["message_reference"]["message_id"] == *id);
            asked.iter().all(|message| answers(&message["id"]))
        };
        let waited = tokio::time::timeout(WAIT_TIMEOUT, said.wait_for(|_| is_answered())).await;
        let _answered = waited.expect("every question gets an answer in time").expect("the stand-in runs");
    }

    /// Waits until the bot has sent `count` messages to a channel.
    pub async fn until_said(&self, channel: u64, count: usize) {
        let mut said = self.said.subscribe();
        let own = || self.channel(channel).iter().filter(|message| is_id(&message["author"]["id"], BOT)).count();
        let waited = tokio::time::timeout(WAIT_TIMEOUT, said.wait_for(|_| own() >= count)).await;
        let _said = waited.expect("the bot sends the messages in time").expect("the stand-in runs");
    }

    /// Returns all messages of a channel, the oldest first.
    pub fn channel(&self, channel: u64) -> Vec<Value> {
        self.lock().channels.get(&channel).cloned().unwrap_or_default()
    }

    /// Opens a thread.
    pub fn open_thread(&self, id: u64, parent: u64, name: &str) {
        self.lock().threads.insert(id, (parent, name.to_owned()));
    }

    /// Rejects the next responses to interactions, each with a status and a Discord error code.
    pub fn refuse_next_responses(&self, refusals: impl IntoIterator<Item = (u16, u32)>) {
        self.lock().refusals.extend(refusals);
    }

    /// Rejects the next follow-up message.
    pub fn refuse_next_follow_up(&self, status: u16) {
        self.lock().refused_follow_ups.push_back(status);
    }

    /// Asks the bot to reconnect and resume (opcode 7).
    pub fn call_to_reconnect(&self) {
        let _ = self.events.send(Event::Send(json!({"op": 7, "d": null, "s": null, "t": null}).to_string()));
    }

    /// Invalidates the session, so that the bot can't resume it (opcode 9).
    pub fn end_the_session(&self) {
        let _ = self.events.send(Event::Send(json!({"op": 9, "d": false, "s": null, "t": null}).to_string()));
    }

    /// Requests a heartbeat (opcode 1) and waits for it.
    pub async fn feel_the_pulse(&self) {
        let mut beats = self.beats.subscribe();
        let before = *beats.borrow_and_update();
        let _ = self.events.send(Event::Send(json!({"op": 1, "d": null, "s": null, "t": null}).to_string()));
        let felt = tokio::time::timeout(WAIT_TIMEOUT, beats.wait_for(|count| *count > before)).await;
        let _felt = felt.expect("the bot sends a heartbeat in time").expect("the stand-in runs");
    }

    /// Returns true if the bot's session has the message content intent.
    pub fn reads_content(&self) -> bool {
        self.lock().intents & MESSAGE_CONTENT != 0
    }

    /// Closes the gateway connection; the bot can resume the session.
    pub fn cut(&self) {
        let _ = self.events.send(Event::Cut);
    }

    fn id(&self) -> u64 {
        let mut inner = self.lock();
        inner.next_id += 1 << 22;
        inner.next_id
    }

    /// Stores a message without an event for the bot, as if the bot were offline. Returns the message.
    pub fn keep(&self, channel: u64, author: u64, content: &str, more: Value) -> Value {
        let message = message(self.id(), channel, author, content, more);
        self.lock().channels.entry(channel).or_default().push(message.clone());
        message
    }

    /// Stores the bot's first response to an interaction, outside of the channel's messages.
    fn respond(&self, token: &str, content: &str) -> Value {
        let said = message(self.id(), CHANNEL, BOT, content, json!({}));
        self.lock().responses.insert(token.to_owned(), said.clone());
        said
    }

    /// Returns the present texts of the responses to interactions.
    pub fn responses(&self) -> Vec<String> {
        let content = |said: &Value| said["content"].as_str().unwrap_or_default().to_owned();
        self.lock().responses.values().map(content).collect()
    }

    /// Stores a message of the bot. Returns the first message if the nonce was used before.
    fn keep_own(&self, channel: u64, body: &Value) -> Value {
        let nonce = body["nonce"].as_str().unwrap_or_default().to_owned();
        if let Some(known) = self.lock().nonces.get(&nonce) {
            return known.clone();
        }
        let components = body.get("components").filter(|rows| rows.is_array()).cloned();
        let mut more = json!({"components": components.unwrap_or_else(|| json!([]))});
        if let Some(reference) = body.get("message_reference").filter(|reference| !reference.is_null()) {
            more["message_reference"] =
                json!({"message_id": reference["message_id"], "channel_id": channel.to_string()});
            more["type"] = json!(19);
        }
        let said = self.keep(channel, BOT, body["content"].as_str().unwrap_or_default(), more);
        if !nonce.is_empty() {
            self.lock().nonces.insert(nonce, said.clone());
        }
        self.said.send_modify(|count| *count += 1);
        said
    }

    /// Stores a person's message and sends the event to the bot.
    pub fn person_says(&self, channel: u64, author: u64, content: &str, more: Value) -> Value {
        let message = self.keep(channel, author, content, more);
        self.tell(channel, message.clone());
        message
    }

    /// Sends the event of a message to the bot, without the content if the bot may not read it.
    pub fn tell(&self, channel: u64, mut message: Value) {
        message["channel_id"] = json!(channel.to_string());
        self.dispatch("MESSAGE_CREATE", blanked(message, true, self.reads_content()));
    }

    /// Sends an interaction to the bot.
    pub fn interact(&self, kind: u8, data: Value, more: Value) {
        let id = self.id();
        let mut interaction = json!({
            "id": id.to_string(), "application_id": APPLICATION.to_string(), "type": kind, "data": data,
            "token": format!("token-{id}"), "version": 1, "channel_id": CHANNEL.to_string(),
            "guild_id": GUILD.to_string(), "locale": "en-US", "guild_locale": "en-US", "entitlements": [],
            "attachment_size_limit": 10_000_000, "app_permissions": "0", "context": 0,
            "authorizing_integration_owners": {"0": GUILD.to_string()},
            "channel": {"id": CHANNEL.to_string(), "type": 0, "name": "general", "permissions": "0"},
            "member": {"user": user(PERSON, false), "roles": [], "joined_at": "2025-01-01T00:00:00Z", "deaf": false,
                       "mute": false, "flags": 0, "permissions": "0"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            interaction[key] = value.clone();
        }
        self.dispatch("INTERACTION_CREATE", interaction);
    }

    /// Runs a slash command.
    pub fn command(&self, name: &str, options: Value) {
        let id = self.command_id(name);
        self.interact(2, json!({"id": id, "name": name, "type": 1, "options": options}), json!({}));
    }

    /// Uploads a file for a command. Returns its id and the `resolved` data of the command.
    pub fn attach(&self, bytes: &[u8]) -> (String, Value) {
        let id = self.id();
        self.lock().attached.insert(id, bytes.to_vec());
        let url = format!("http://{}/attachments/{id}", self.address);
        let file = json!({"id": id.to_string(), "filename": "facts.txt", "size": bytes.len(), "url": url,
                          "proxy_url": url, "content_type": "text/plain", "ephemeral": true});
        (id.to_string(), json!({"attachments": {id.to_string(): file}}))
    }

    /// Returns the files that the bot sent.
    pub fn given(&self) -> Vec<String> {
        self.lock().given.clone()
    }

    /// Returns the commands that are registered at a path with this ending.
    pub fn commands_at(&self, place: &str) -> Option<Value> {
        let inner = self.lock();
        let found = inner.commands.iter().find(|(path, _)| path.ends_with(place));
        found.map(|(_, commands)| Value::Array(commands.clone()))
    }

    /// Returns the id of a registered command.
    pub fn command_id(&self, name: &str) -> String {
        self.known_command_id(name).expect("a registered command")
    }

    /// Returns the id of a command; `None` if it isn't registered.
    pub fn known_command_id(&self, name: &str) -> Option<String> {
        let inner = self.lock();
        let known = inner.commands.values().flatten().find(|command| command["name"] == name)?;
        known["id"].as_str().map(str::to_owned)
    }

    fn dispatch(&self, event: &str, data: Value) {
        let mut inner = self.lock();
        inner.sequence += 1;
        let sequence = inner.sequence;
        let payload = json!({"op": 0, "s": sequence, "t": event, "d": data}).to_string();
        inner.sent.push((sequence, payload.clone()));
        let _ = self.events.send(Event::Dispatch(sequence, payload));
    }

    fn note(&self, method: &str, path: &str, body: &Value) {
        let mut problems: Vec<String> = limits(path, body);
        if let Some(description) = self.description.as_ref() {
            problems.extend(description.check(method, path, body));
        }
        self.lock().problems.extend(problems.into_iter().map(|problem| format!("{method} {path}: {problem}")));
        let _ = self.requests.send(Request { method: method.into(), path: path.into(), body: body.clone() });
    }
}

/// Returns an id as Discord would assign it now.
fn snowflake_now() -> u64 {
    let millis = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis();
    (u64::try_from(millis).expect("before the year 500 million") - 1_420_070_400_000) << 22
}

fn timestamp(id: u64) -> String {
    let seconds = ((id >> 22) + 1_420_070_400_000) / 1000;
    jiff::Timestamp::from_second(i64::try_from(seconds).expect("in range")).expect("in range").to_string()
}

pub fn user(id: u64, bot: bool) -> Value {
    json!({"id": id.to_string(), "username": format!("user{id}"), "discriminator": "0", "avatar": null, "bot": bot,
           "global_name": null, "public_flags": 0, "flags": 0, "mfa_enabled": true, "verified": true, "email": null})
}

fn message(id: u64, channel: u64, author: u64, content: &str, more: Value) -> Value {
    let mut message = json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": user(author, author == BOT || author == OTHER_BOT),
        "content": content, "timestamp": timestamp(id), "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": false,
        "type": 0, "flags": 0, "components": [],
    });
    if content.contains(&format!("<@{BOT}>")) {
        message["mentions"] = json!([user(BOT, true)]);
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        message[key] = value.clone();
    }
    message
}

/// Returns true if a value is this id as a string.
pub fn is_id(value: &Value, id: u64) -> bool {
    value.as_str().and_then(|text| text.parse().ok()) == Some(id)
}

/// Returns a message as Discord shows it to a bot. `reads` means that the bot has the message content intent. Only an
/// event names the server; a REST response doesn't.
fn blanked(mut message: Value, event: bool, reads: bool) -> Value {
    let is_direct = is_id(&message["channel_id"], DIRECT);
    let is_own = is_id(&message["author"]["id"], BOT);
    let mentioned = message["mentions"].as_array();
    let mentions = mentioned.is_some_and(|all| all.iter().any(|one| is_id(&one["id"], BOT)));
    if !(is_direct || is_own || mentions || reads) {
        message["content"] = json!("");
        message["embeds"] = json!([]);
        message["components"] = json!([]);
    }
    if event && !is_direct {
        message["guild_id"] = json!(GUILD.to_string());
        message["member"] =
            json!({"roles": [], "joined_at": "2025-01-01T00:00:00Z", "deaf": false, "mute": false, "flags": 0});
    }
    message
}

/// Checks a request against rules that Discord's description leaves out, and against rules of this project: no mentions
/// and no link previews.
fn limits(path: &str, body: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let says = if path.ends_with("/callback") { &body["data"] } else { body };
    let is_message = says["content"].is_string();
    if says["content"].as_str().is_some_and(|text| text.chars().count() > 2_000 || text.trim().is_empty()) {
        problems.push("content is empty or too long".to_owned());
    }
    if is_message
        && (says["allowed_mentions"]["parse"] != json!([]) || says["allowed_mentions"]["replied_user"] == json!(true))
    {
        problems.push(format!("mentions are allowed: {}", says["allowed_mentions"]));
    }
    if is_message && says["flags"].as_u64().unwrap_or(0) & 4 == 0 {
        problems.push("link previews aren't suppressed".to_owned());
    }
    if says["choices"].as_array().is_some_and(|choices| choices.len() > 25) {
        problems.push("more than 25 choices".to_owned());
    }
    let long =
        |choice: &Value| choice["name"].as_str().is_none_or(|name| name.chars().count() > 100 || name.is_empty());
    if says["choices"].as_array().is_some_and(|choices| choices.iter().any(long)) {
        problems.push("a choice is empty or too long".to_owned());
    }
    let rows = says["components"].as_array().into_iter().flatten();
    let ids = rows.flat_map(|row| row["components"].as_array().into_iter().flatten()).map(|one| &one["custom_id"]);
    let mut ids: Vec<String> = ids.map(Value::to_string).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    if ids.len() < count {
        problems.push("two components have the same id".to_owned());
    }
    let all = || says["components"].as_array().into_iter().flatten();
    if all().count() > 5 {
        problems.push("more than five rows".to_owned());
    }
    for one in all().flat_map(|row| row["components"].as_array().into_iter().flatten()) {
        let is_long = |key: &str, most: usize| one[key].as_str().is_some_and(|text| text.chars().count() > most);
        let options = one["options"].as_array().map(Vec::len);
        if is_long("custom_id", 100) || is_long("label", 80) || is_long("placeholder", 150) {
            problems.push(format!("a component's text is too long: {one}"));
        }
        if options.is_some_and(|count| !(1..=25).contains(&count)) {
            problems.push(format!("{options:?} options in a menu"));
        }
    }
    for row in says["components"].as_array().into_iter().flatten() {
        let count = row["components"].as_array().map_or(0, Vec::len);
        if !(1..=5).contains(&count) {
            problems.push(format!("{count} components in a row"));
        }
    }
    problems
}

async fn unexpected(State(standin): State<StandIn>, method: Method, uri: Uri) -> Response {
    standin.lock().problems.push(format!("unexpected {method} {uri}"));
    refusal(404)
}

async fn me(State(standin): State<StandIn>) -> Response {
    if standin.lock().refuses { refusal(401) } else { Json(user(BOT, true)).into_response() }
}

/// Opens the channel of direct messages with a person.
async fn open_direct(State(standin): State<StandIn>, uri: Uri, Json(body): Json<Value>) -> Json<Value> {
    standin.note("POST", uri.path(), &body);
    let who = body["recipient_id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(PERSON);
    Json(json!({"id": DIRECT.to_string(), "type": 1, "last_message_id": null, "recipients": [user(who, false)]}))
}

/// Returns the server, with the role [`KEEPERS`].
async fn guild(State(standin): State<StandIn>, uri: Uri) -> Json<Value> {
    standin.note("GET", uri.path(), &Value::Null);
    let role = |id: u64, permissions: u64| {
        json!({"id": id.to_string(), "name": "role", "color": 0, "colors": {"primary_color": 0}, "hoist": false,
               "position": 1, "permissions": permissions.to_string(), "managed": false, "mentionable": false, "flags": 0})
    };
    Json(json!({
        "id": GUILD.to_string(), "name": "a server", "owner_id": "5", "roles": [role(GUILD, 0), role(KEEPERS, 1 << 13)],
        "emojis": [], "stickers": [], "features": [], "verification_level": 0, "default_message_notifications": 0,
        "explicit_content_filter": 0, "mfa_level": 0, "system_channel_flags": 0, "premium_tier": 0,
        "preferred_locale": "en-US", "nsfw_level": 0, "premium_progress_bar_enabled": false, "afk_timeout": 300,
    }))
}

/// Returns a member of the server. [`STRANGER`] has the role [`KEEPERS`].
async fn guild_member(State(standin): State<StandIn>, uri: Uri, Path((_, id)): Path<(u64, u64)>) -> Response {
    standin.note("GET", uri.path(), &Value::Null);
    if id == FORMER {
        return refusal(404);
    }
    let roles = if id == STRANGER { json!([KEEPERS.to_string()]) } else { json!([]) };
    let member = json!({"user": user(id, false), "roles": roles, "joined_at": "2025-01-01T00:00:00Z", "deaf": false,
                        "mute": false, "flags": 0});
    Json(member).into_response()
}

async fn application() -> Json<Value> {
    Json(json!({
        "id": APPLICATION.to_string(), "name": "routedesk", "icon": null, "description": "", "bot_public": true,
        "bot_require_code_grant": false, "verify_key": "00", "owner": user(PERSON, false), "summary": "", "team": null,
        "flags": 0,
    }))
}

async fn gateway(State(standin): State<StandIn>, uri: Uri) -> Json<Value> {
    standin.note("GET", uri.path(), &Value::Null);
    let address = if standin.lock().has_no_gateway { "127.0.0.1:1".to_owned() } else { standin.address.clone() };
    Json(json!({
        "url": format!("ws://{address}/gw"), "shards": 1,
        "session_start_limit": {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1},
    }))
}

async fn commands(State(standin): State<StandIn>, uri: Uri) -> Response {
    let (refuses, commands) = {
        let inner = standin.lock();
        (inner.refuses_commands, inner.commands.get(uri.path()).cloned().unwrap_or_default())
    };
    standin.note("GET", uri.path(), &Value::Null);
    if refuses { refusal(403) } else { Json(Value::Array(commands)).into_response() }
}

async fn set_commands(State(standin): State<StandIn>, uri: Uri, Json(body): Json<Value>) -> Json<Value> {
    let mut commands = body.as_array().cloned().unwrap_or_default();
    let first = if uri.path().contains("/guilds/") { 2_000 } else { 1_000 };
    for (at, command) in commands.iter_mut().enumerate() {
        command["id"] = json!((first + at).to_string());
        command["application_id"] = json!(APPLICATION.to_string());
        command["version"] = json!("1");
        command["default_member_permissions"] = command.get("default_member_permissions").cloned().unwrap_or_default();
        if command.get("type").is_none() {
            command["type"] = json!(1);
        }
        if command.get("description").is_none() {
            command["description"] = json!("");
        }
    }
    standin.lock().registrations += 1;
    standin.lock().commands.insert(uri.path().to_owned(), commands.clone());
    standin.note("PUT", uri.path(), &body);
    Json(Value::Array(commands))
}

async fn history(
    State(standin): State<StandIn>,
    Path(channel): Path<u64>,
    Query(query): Query<BTreeMap<String, u64>>,
) -> Json<Value> {
    let after = query.get("after").copied().unwrap_or(0);
    let id = |message: &Value| message["id"].as_str().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
    let messages = standin.channel(channel).into_iter().filter(|message| id(message) > after);
    let limit = query.get("limit").copied().unwrap_or(50) as usize;
    let mut messages: Vec<Value> =
        messages.take(limit).map(|message| blanked(message, false, standin.reads_content())).collect();
    messages.reverse();
    Json(Value::Array(messages))
}

fn refusal(status: u16) -> Response {
    refusal_with_code(status, 0)
}

fn refusal_with_code(status: u16, code: u32) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = json!({"code": code, "message": status.to_string(), "retry_after": 0.01, "global": false});
    (status, [("retry-after", "0.01")], Json(body)).into_response()
}

async fn say(State(standin): State<StandIn>, uri: Uri, Path(channel): Path<u64>, Json(body): Json<Value>) -> Response {
    let fault = standin.lock().faults.pop_front();
    let said = match fault {
        Some(Fault::Status(_) | Fault::Hang) => Value::Null,
        Some(Fault::KeepAndHang | Fault::Late) | None => standin.keep_own(channel, &body),
    };
    let mut next = standin.said.subscribe();
    next.mark_unchanged();
    // The test sees the request only after the message is stored, so that its next step comes later.
    standin.note("POST", uri.path(), &body);
    match fault {
        Some(Fault::Status(status)) => refusal(status),
        Some(Fault::Hang | Fault::KeepAndHang) => std::future::pending().await,
        Some(Fault::Late) => {
            let _ = next.changed().await;
            Json(said).into_response()
        }
        None => Json(said).into_response(),
    }
}

async fn callback(State(standin): State<StandIn>, uri: Uri, Json(body): Json<Value>) -> Response {
    let refused = standin.lock().refusals.pop_front();
    standin.note("POST", uri.path(), &body);
    if refused.is_none() && body["type"] == 4 {
        let token = uri.path().split('/').rev().nth(1).unwrap_or_default().to_owned();
        standin.respond(&token, body["data"]["content"].as_str().unwrap_or_default());
    }
    match refused {
        Some((status, code)) => refusal_with_code(status, code),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn channel(State(standin): State<StandIn>, uri: Uri, Path(id): Path<u64>) -> Json<Value> {
    standin.note("GET", uri.path(), &Value::Null);
    let thread = standin.lock().threads.get(&id).cloned();
    let mut channel = json!({"id": id.to_string(), "type": 0, "guild_id": GUILD.to_string(), "name": "general", "position": 0,
                             "permission_overwrites": [], "parent_id": null, "flags": 0});
    if let Some((parent, name)) = thread {
        channel["type"] = json!(11);
        channel["parent_id"] = json!(parent.to_string());
        channel["name"] = json!(name);
    }
    Json(channel)
}

async fn one_message(State(standin): State<StandIn>, Path((channel, id)): Path<(u64, u64)>) -> Response {
    let found = standin.channel(channel).into_iter().find(|message| is_id(&message["id"], id));
    let reads = standin.reads_content();
    found.map_or_else(|| refusal(404), |message| Json(blanked(message, false, reads)).into_response())
}

async fn delete_message(State(standin): State<StandIn>, uri: Uri, Path((channel, id)): Path<(u64, u64)>) -> StatusCode {
    if let Some(messages) = standin.lock().channels.get_mut(&channel) {
        messages.retain(|message| !is_id(&message["id"], id));
    }
    standin.note("DELETE", uri.path(), &Value::Null);
    StatusCode::NO_CONTENT
}

async fn follow_up(State(standin): State<StandIn>, uri: Uri, body: Bytes) -> Response {
    if let Some(status) = standin.lock().refused_follow_ups.pop_front() {
        return refusal(status);
    }
    let parts = parts(&body);
    let file = parts.iter().find(|(head, _)| head.contains("name=\"files["));
    if let Some((_, file)) = file {
        standin.lock().given.push(String::from_utf8_lossy(file).into_owned());
    }
    let said =
        parts.iter().find(|(head, _)| head.contains("name=\"payload_json\"")).map_or(&body[..], |(_, said)| said);
    let body: Value = serde_json::from_slice(said).unwrap_or_default();
    standin.note("POST", uri.path(), &body);
    Json(message(standin.id(), CHANNEL, BOT, body["content"].as_str().unwrap_or_default(), json!({}))).into_response()
}

/// Splits a multipart request into its parts, each with its header. Returns no parts for other requests.
fn parts(body: &[u8]) -> Vec<(String, &[u8])> {
    let find = |text: &[u8], part: &[u8]| text.windows(part.len()).position(|at| at == part);
    let mut parts = Vec::new();
    let Some(end) = find(body, b"\r\n").filter(|_| body.starts_with(b"--")) else { return parts };
    let (boundary, mut rest) = ([b"\r\n", &body[..end]].concat(), &body[end..]);
    while let Some(head) = find(rest, b"\r\n\r\n") {
        let Some(end) = find(&rest[head + 4..], &boundary) else { break };
        parts.push((String::from_utf8_lossy(&rest[..head]).into_owned(), &rest[head + 4..head + 4 + end]));
        rest = &rest[head + 4 + end + boundary.len()..];
    }
    parts
}

/// Returns a file that was attached to a command.
async fn attachment(State(standin): State<StandIn>, Path(id): Path<u64>) -> Response {
    let found = standin.lock().attached.get(&id).cloned();
    found.map_or_else(|| refusal(404), IntoResponse::into_response)
}

/// Returns the message of the first response to an interaction.
async fn original(State(standin): State<StandIn>, uri: Uri, Path((_, token)): Path<(String, String)>) -> Json<Value> {
    standin.note("GET", uri.path(), &Value::Null);
    let known = standin.lock().responses.get(&token).cloned();
    Json(known.unwrap_or_else(|| standin.respond(&token, "")))
}

/// Edits a message or a response of the bot; other messages give 404.
async fn edit_message(
    State(standin): State<StandIn>,
    uri: Uri,
    Path((channel, id)): Path<(u64, u64)>,
    Json(body): Json<Value>,
) -> Response {
    let edited = {
        let mut inner = standin.lock();
        let Inner { channels, responses, .. } = &mut *inner;
        let mut said = channels.entry(channel).or_default().iter_mut().chain(responses.values_mut());
        let own = said.find(|message| is_id(&message["id"], id) && is_id(&message["author"]["id"], BOT));
        own.map(|message| {
            message["content"] = body["content"].clone();
            message.clone()
        })
    };
    standin.note("PATCH", uri.path(), &body);
    edited.map_or_else(|| refusal(404), |message| Json(message).into_response())
}

async fn remove(State(standin): State<StandIn>, uri: Uri) -> StatusCode {
    standin.note("DELETE", uri.path(), &Value::Null);
    StatusCode::NO_CONTENT
}

async fn connect(State(standin): State<StandIn>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve_gateway(standin, socket))
}

async fn serve_gateway(standin: StandIn, mut socket: WebSocket) {
    let mut events = standin.events.subscribe();
    let hello = json!({"op": 10, "d": {"heartbeat_interval": HEARTBEAT_MS}, "s": null, "t": null});
    let _ = socket.send(Frame::Text(hello.to_string().into())).await;
    // Sequence number of the last event on this connection; `None` until a session is started or resumed.
    let mut last = None;
    loop {
        tokio::select! {
            frame = socket.recv() => {
                let Some(Ok(frame)) = frame else { return };
                let Frame::Text(text) = frame else { continue };
                let payload: Value = serde_json::from_str(&text).unwrap_or_default();
                if payload["op"] == 2 && standin.lock().refuses_intents {
                    let reason = "Disallowed intent(s).".into();
                    let _ = socket.send(Frame::Close(Some(CloseFrame { code: 4014, reason }))).await;
                    return;
                }
                for (sequence, answer) in standin.answers(&payload) {
                    last = sequence.or(last);
                    let _ = socket.send(Frame::Text(answer.into())).await;
                }
            }
            event = events.recv() => match event {
                Ok(Event::Dispatch(sequence, payload)) => {
                    if last.is_some_and(|last| sequence > last) {
                        last = Some(sequence);
                        let _ = socket.send(Frame::Text(payload.into())).await;
                    }
                }
                Ok(Event::Send(payload)) => { let _ = socket.send(Frame::Text(payload.into())).await; }
                Ok(Event::Cut) => {
                    let _ = socket.send(Frame::Close(Some(CloseFrame { code: 4000, reason: "cut".into() }))).await;
                    return;
                }
                Err(_) => return,
            }
        }
    }
}

impl StandIn {
    /// Returns the gateway's responses to a payload of the bot, events with their sequence numbers.
    fn answers(&self, payload: &Value) -> Vec<(Option<u64>, String)> {
        let mut inner = self.lock();
        match payload["op"].as_u64() {
            Some(1) => {
                drop(inner);
                self.beats.send_modify(|count| *count += 1);
                vec![(None, json!({"op": 11, "d": null, "s": null, "t": null}).to_string())]
            }
            Some(2) => {
                inner.sequence = 1;
                inner.sent.clear();
                inner.intents = payload["d"]["intents"].as_u64().unwrap_or_default();
                drop(inner);
                self.sessions.send_modify(|(begun, _)| *begun += 1);
                let ready = json!({"op": 0, "s": 1, "t": "READY", "d": {
                    "v": 10, "user": user(BOT, true), "guilds": [{"id": GUILD.to_string(), "unavailable": true}],
                    "session_id": "session", "resume_gateway_url": format!("ws://{}/gw", self.address),
                    "shard": [0, 1], "application": {"id": APPLICATION.to_string(), "flags": 0}}});
                vec![(Some(1), ready.to_string())]
            }
            Some(6) => {
                let seen = payload["d"]["seq"].as_u64().unwrap_or_default();
                let missed = inner.sent.iter().filter(|(sequence, _)| *sequence > seen).cloned();
                let mut answers: Vec<(Option<u64>, String)> =
                    missed.map(|(sequence, payload)| (Some(sequence), payload)).collect();
                inner.sequence += 1;
                let resumed = json!({"op": 0, "s": inner.sequence, "t": "RESUMED", "d": {"_trace": []}});
                answers.push((Some(inner.sequence), resumed.to_string()));
                drop(inner);
                self.sessions.send_modify(|(_, resumed)| *resumed += 1);
                answers
            }
            _ => Vec::new(),
        }
    }
}

/// Discord's OpenAPI description.
struct Description {
    paths: Vec<(String, Value)>,
    components: Value,
}

impl Description {
    /// Reads the file that `DISCORD_OPENAPI` names; `None` if the variable isn't set.
    fn load() -> Option<Self> {
        let Some(path) = std::env::var_os("DISCORD_OPENAPI") else {
            println!("DISCORD_OPENAPI isn't set: requests aren't checked against Discord's OpenAPI description");
            return None;
        };
        let text = std::fs::read_to_string(&path).expect("the file that DISCORD_OPENAPI names is readable");
        let whole: Value = serde_json::from_str(&text).expect("the file that DISCORD_OPENAPI names is JSON");
        let paths = whole["paths"].as_object().expect("the description has paths");
        let paths = paths.iter().map(|(path, operations)| (path.clone(), operations.clone())).collect();
        Some(Self { paths, components: whole["components"].clone() })
    }

    /// Returns the violations of a request.
    fn check(&self, method: &str, path: &str, body: &Value) -> Vec<String> {
        let path = path.trim_start_matches("/api/v10");
        let fits = |template: &str| {
            let (template, parts) = (template.split('/'), path.split('/'));
            template.clone().count() == parts.clone().count()
                && template.zip(parts).all(|(template, part)| template == part || template.starts_with('{'))
        };
        let known = self
            .paths
            .iter()
            .find(|(template, operations)| fits(template) && !operations[method.to_lowercase()].is_null());
        let Some((_, operations)) = known else { return vec!["no such endpoint".to_owned()] };
        let schema = &operations[method.to_lowercase()]["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Vec::new();
        }
        let mut body = body.clone();
        // The description requires a number here. Discord's reference and its responses have the number as a string.
        for command in body.as_array_mut().into_iter().flatten() {
            let bits = command["default_member_permissions"].as_str().and_then(|bits| bits.parse::<u64>().ok());
            if let Some(bits) = bits {
                command["default_member_permissions"] = json!(bits);
            }
        }
        // The description requires a string here. Discord's reference has the number of the file.
        for attachment in body.get_mut("attachments").and_then(Value::as_array_mut).into_iter().flatten() {
            attachment["id"] = json!(attachment["id"].to_string());
        }
        let whole = json!({"components": self.components, "allOf": [schema]});
        let validator = jsonschema::options().build(&whole).expect("Discord's description is a schema");
        validator.iter_errors(&body).map(|error| format!("{} at {}", error, error.instance_path)).collect()
    }
}
