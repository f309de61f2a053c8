//! A real homeserver on the loopback interface, and people who talk through its client interface.
#![allow(dead_code)]

pub mod gate;

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// What is installed from the Python package index, beside this crate's build files.
const PACKAGES: [&str; 2] = ["matrix-synapse==1.163.2", "matrix-nio[e2e]==0.26.0"];

/// Set where a machine must have a homeserver for tests: there its lack is a failure.
const REQUIRED: &str = "ROUTEDESK_REQUIRE_SYNAPSE";

/// How long something may take that a test waits for.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The folder with Python and the packages; none, said in one line, if they can't be had here.
pub fn python() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        // Examples aren't told the folder.
        let beside = option_env!("CARGO_TARGET_TMPDIR").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tmp"));
        let folder = Path::new(beside).with_file_name("synapse");
        let done = folder.join("installed");
        if fs::read_to_string(&done).is_ok_and(|what| what == PACKAGES.join("\n")) {
            return Some(folder);
        }
        let venv = run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let pip = || run(Command::new(folder.join("bin/pip")).args(["install", "-q"]).args(PACKAGES));
        if venv && pip() {
            fs::write(done, PACKAGES.join("\n")).expect("the folder can be written");
            return Some(folder);
        }
        assert!(std::env::var_os(REQUIRED).is_none(), "no homeserver for tests, and {REQUIRED} is set");
        // Past what captures the output of tests that pass: somebody should see it.
        let line = "left out: the tests against a homeserver need python3 with venv and the Python package index";
        let _ = writeln!(std::io::stderr(), "{line}");
        None
    };
    FOLDER.get_or_init(install).as_deref()
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A homeserver. It ends with this process.
pub struct Server {
    /// Its address, such as `http://127.0.0.1:1234`.
    pub address: String,
    _folder: tempfile::TempDir,
    _process: Child,
}

impl Server {
    /// The homeserver that the tests share; none where there can't be one.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: tokio::sync::OnceCell<Option<Server>> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_init(|| Self::start("{per_second: 10000, burst_count: 10000}")).await.as_ref()
    }

    /// Starts one with a limit to how often somebody may send messages.
    pub async fn start(messages: &str) -> Option<Self> {
        let python = python()?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let address = format!("http://127.0.0.1:{port}");
        let config = folder.path().join("homeserver.yaml");
        fs::write(folder.path().join("log.yaml"), log(folder.path())).expect("the folder can be written");
        fs::write(&config, homeserver(folder.path(), port, messages)).expect("the folder can be written");
        let program = python.join("bin/python");
        let mut keys = Command::new(&program);
        let made = run(keys.args(["-m", "synapse.app.homeserver", "--generate-keys", "-c"]).arg(&config));
        assert!(made, "the homeserver's keys can be made");
        // The shell ends the server when this process, whatever becomes of it, no longer holds the other end.
        let script = r#""$0" -m synapse.app.homeserver -c "$1" & cat >/dev/null; kill $!"#;
        let process = Command::new("sh")
            .args(["-c", script])
            .arg(&program)
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell");
        let server = Self { address, _folder: folder, _process: process };
        server.come_up().await;
        Some(server)
    }

    async fn come_up(&self) {
        let versions = format!("{}/_matrix/client/versions", self.address);
        let answers = async {
            while reqwest::get(&versions).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, answers).await.expect("the homeserver comes up");
    }

    /// A new account, whose name begins so.
    pub async fn person(&self, name: &str) -> Person {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("{name}{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let body = json!({"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"},
                          "inhibit_login": false});
        let mut person = Person {
            base: format!("{}/_matrix/client/v3", self.address),
            http: reqwest::Client::new(),
            name,
            id: String::new(),
            token: String::new(),
            device: String::new(),
            notified: HashMap::new(),
            since: None,
            waiting: VecDeque::new(),
            sent: 0,
        };
        let answer = person.call("POST", "/register", &body).await;
        person.id = answer["user_id"].as_str().expect("an id").to_owned();
        person.device = answer["device_id"].as_str().expect("a device").to_owned();
        person.token = answer["access_token"].as_str().expect("a token").to_owned();
        person
    }
}

/// The password of all accounts.
pub const PASSWORD: &str = "a password of tests";

fn log(folder: &Path) -> String {
    format!(
        "version: 1\nhandlers: {{file: {{class: logging.FileHandler, filename: {}/log}}}}\n\
         root: {{level: WARNING, handlers: [file]}}\n",
        folder.display()
    )
}

fn homeserver(folder: &Path, port: u16, messages: &str) -> String {
    let dir = folder.display();
    let free = "{per_second: 10000, burst_count: 10000}";
    let mut text = format!(
        "server_name: localhost\npid_file: {dir}/pid\npublic_baseurl: http://127.0.0.1:{port}/\n\
         listeners:\n  - {{port: {port}, type: http, tls: false, bind_addresses: [127.0.0.1], \
         resources: [{{names: [client], compress: false}}]}}\n\
         database: {{name: sqlite3, args: {{database: {dir}/homeserver.db}}}}\nmedia_store_path: {dir}/media\n\
         signing_key_path: {dir}/signing.key\nlog_config: {dir}/log.yaml\nreport_stats: false\n\
         enable_registration: true\nenable_registration_without_verification: true\n\
         macaroon_secret_key: tests\nform_secret: tests\ntrusted_key_servers: []\n\
         suppress_key_server_warning: true\nfederation_domain_whitelist: []\npresence: {{enabled: false}}\n\
         rc_message: {messages}\n"
    );
    for name in ["registration", "admin_redaction", "3pid_validation", "key_requests", "invites_per_second"] {
        let _ = writeln!(text, "rc_{name}: {free}");
    }
    for (name, parts) in [
        ("login", &["address", "account", "failed_attempts"][..]),
        ("joins", &["local", "remote"]),
        ("invites", &["per_room", "per_user", "per_issuer"]),
    ] {
        let parts = parts.iter().map(|part| format!("{part}: {free}")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "rc_{name}: {{{parts}}}");
    }
    let _ = writeln!(text, "rc_joins_per_room: {free}");
    text
}

/// Somebody who talks through the client interface, without encryption.
pub struct Person {
    base: String,
    http: reqwest::Client,
    /// The name by which to log in.
    pub name: String,
    /// The id, `@name:localhost`.
    pub id: String,
    /// An access token.
    pub token: String,
    /// The device that it belongs to.
    pub device: String,
    /// How many things each room has of which the person is notified.
    pub notified: HashMap<String, u64>,
    since: Option<String>,
    waiting: VecDeque<Value>,
    sent: u32,
}

/// An id as a part of an address.
pub fn coded(id: &str) -> String {
    id.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl Person {
    /// Makes a request, which must succeed.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_call(method, path, body).await;
        assert!(status == 200, "{method} {path}: {status} {answer}");
        answer
    }

    /// Makes a request.
    pub async fn try_call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = if self.token.is_empty() { request } else { request.bearer_auth(&self.token) };
        // A GET has no body.
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = request.send().await.expect("the homeserver answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("an answer");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Makes a room.
    pub async fn room(&self, body: Value) -> String {
        self.call("POST", "/createRoom", &body).await["room_id"].as_str().expect("an id").to_owned()
    }

    /// Makes a room, has somebody in it, and waits until they are there.
    pub async fn room_with(&mut self, who: &str, more: Value) -> String {
        let mut body = json!({"invite": [who]});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let room = self.room(body).await;
        self.until_in(&room, who, "join").await;
        room
    }

    /// Waits until somebody's membership is so.
    pub async fn until_in(&mut self, room: &str, who: &str, membership: &str) {
        self.next(room, |event| {
            event["type"] == "m.room.member"
                && event["state_key"] == who
                && event["content"]["membership"] == membership
        })
        .await;
    }

    /// Sends an event and gives its id.
    pub async fn send(&mut self, room: &str, kind: &str, content: Value) -> String {
        self.sent += 1;
        let path = format!("/rooms/{}/send/{kind}/t{}", coded(room), self.sent);
        self.call("PUT", &path, &content).await["event_id"].as_str().expect("an id").to_owned()
    }

    /// Says something.
    pub async fn say(&mut self, room: &str, text: &str) -> String {
        self.send(room, "m.room.message", json!({"msgtype": "m.text", "body": text})).await
    }

    /// Says something as a reply.
    pub async fn reply(&mut self, room: &str, to: &str, text: &str) -> String {
        let relation = json!({"m.in_reply_to": {"event_id": to}});
        self.send(room, "m.room.message", json!({"msgtype": "m.text", "body": text, "m.relates_to": relation})).await
    }

    /// Puts a file onto the homeserver and gives its address.
    async fn upload(&self, bytes: &[u8]) -> String {
        let address = self.base.replace("/_matrix/client/v3", "/_matrix/media/v3/upload");
        let request = self.http.post(address).bearer_auth(&self.token).body(bytes.to_vec());
        let answer = request.send().await.expect("the homeserver answers").text().await.expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["content_uri"].as_str().expect("an address").to_owned()
    }

    /// Sends a file, with something under it or its name alone.
    pub async fn file(&mut self, room: &str, bytes: &[u8], caption: &str) -> String {
        let address = self.upload(bytes).await;
        let content = json!({"msgtype": "m.file", "body": caption, "filename": "facts.txt", "url": address,
                             "info": {"size": bytes.len()}});
        self.send(room, "m.room.message", content).await
    }

    /// What lies at an address of the homeserver's.
    pub async fn download(&self, address: &str) -> String {
        let place = address.replace("mxc://", "");
        let from = self.base.replace("/_matrix/client/v3", &format!("/_matrix/client/v1/media/download/{place}"));
        let answer = self.http.get(from).bearer_auth(&self.token).send().await.expect("the homeserver answers");
        answer.text().await.expect("a text")
    }

    /// Reacts.
    pub async fn react(&mut self, room: &str, to: &str, key: &str) -> String {
        let relation = json!({"rel_type": "m.annotation", "event_id": to, "key": key});
        self.send(room, "m.reaction", json!({"m.relates_to": relation})).await
    }

    /// The next event of a room that is so. Those before it are dropped.
    pub async fn next(&mut self, room: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.next_in(&[room.to_owned()], is_it).await
    }

    /// The same in any of some rooms.
    pub async fn next_in(&mut self, rooms: &[String], is_it: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                while let Some(event) = self.waiting.pop_front() {
                    if rooms.iter().any(|room| event["room_id"] == room.as_str()) && is_it(&event) {
                        return event;
                    }
                }
                self.sync().await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, found).await.expect("it comes in time")
    }

    /// The next message of somebody.
    pub async fn hears(&mut self, room: &str, from: &str) -> Value {
        self.next(room, |event| event["type"] == "m.room.message" && event["sender"] == from).await
    }

    /// The next event of a room, whatever it is.
    pub async fn any(&mut self, room: &str) -> Value {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                if event["room_id"] == room {
                    return event;
                }
            }
            self.sync().await;
        }
    }

    async fn sync(&mut self) {
        let filter = coded(r#"{"room":{"timeline":{"limit":1000}}}"#);
        let since = self.since.as_ref().map(|since| format!("&since={since}")).unwrap_or_default();
        let answer = self.call("GET", &format!("/sync?timeout=30000&filter={filter}{since}"), &Value::Null).await;
        self.since = answer["next_batch"].as_str().map(str::to_owned);
        for (room, update) in answer["rooms"]["join"].as_object().into_iter().flatten() {
            let counts = &update["unread_notifications"];
            self.notified.insert(room.clone(), counts["notification_count"].as_u64().unwrap_or_default());
            let ephemeral = update["ephemeral"]["events"].as_array().into_iter().flatten();
            for event in update["timeline"]["events"].as_array().into_iter().flatten().chain(ephemeral) {
                let mut event = event.clone();
                event["room_id"] = json!(room);
                self.waiting.push_back(event);
            }
        }
    }

    /// Waits until the account is no longer in a room.
    pub async fn until_left(&mut self, room: &str) {
        let left = async {
            loop {
                let joined = self.call("GET", "/joined_rooms", &Value::Null).await;
                if !joined["joined_rooms"].as_array().is_some_and(|rooms| rooms.iter().any(|id| id == room)) {
                    return;
                }
                self.sync().await;
            }
        };
        tokio::time::timeout(WAIT_TIMEOUT, left).await.expect("it leaves in time");
    }

    /// All that was ever said in a room, the oldest first.
    pub async fn all(&self, room: &str) -> Vec<Value> {
        let path = format!("/rooms/{}/messages?dir=b&limit=1000", coded(room));
        let mut events = self.call("GET", &path, &Value::Null).await["chunk"].as_array().cloned().unwrap_or_default();
        events.reverse();
        events
    }

    /// The messages of somebody in a room, corrections aside.
    pub async fn all_from(&self, room: &str, who: &str) -> Vec<Value> {
        let all = self.all(room).await;
        let is_first = |event: &Value| event["content"]["m.relates_to"]["rel_type"] != "m.replace";
        let is_message = |event: &Value| event["type"] == "m.room.message" || event["type"] == "m.room.encrypted";
        all.into_iter().filter(|event| event["sender"] == who && is_message(event) && is_first(event)).collect()
    }
}
