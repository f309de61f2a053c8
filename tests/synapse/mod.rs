//! Runs a Synapse homeserver on the loopback interface, and people who use its client-server API, for the Matrix tests,
//! the Matrix benchmark and an example.
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

/// Packages to install from the Python package index into the target directory.
const PACKAGES: [&str; 2] = ["matrix-synapse==1.163.2", "matrix-nio[e2e]==0.26.0"];

/// The environment variable that makes a missing homeserver an error, for CI. Without it the tests are skipped.
const REQUIRED: &str = "ROUTEDESK_REQUIRE_SYNAPSE";

/// The longest wait for an event.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns the virtual environment with the packages. Creates it at the first call, which takes minutes. Prints one
/// line and returns `None` if the packages can't be installed.
pub fn python() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        // Cargo sets the variable for tests and benchmarks but not for examples.
        let beside = option_env!("CARGO_TARGET_TMPDIR").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tmp"));
        let folder = Path::new(beside).with_file_name("synapse");
        let done = folder.join("installed");
        if fs::read_to_string(&done).is_ok_and(|what| what == PACKAGES.join("\n")) {
            return Some(folder);
        }
        // Not `eprintln!`, which the test harness captures: a person should see why the first run takes longer.
        let notice = format!("installing {} into {} for the Matrix tests", PACKAGES.join(" "), folder.display());
        let _ = writeln!(std::io::stderr(), "{notice}");
        let venv = run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let pip = || run(Command::new(folder.join("bin/pip")).args(["install", "-q"]).args(PACKAGES));
        if venv && pip() {
            fs::write(done, PACKAGES.join("\n")).expect("the directory is writable");
            return Some(folder);
        }
        assert!(std::env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, but the homeserver can't be installed");
        // Not `eprintln!`, which the test harness captures: a person should see that tests were skipped.
        let line = "skipped: the tests with a homeserver need python3 with venv and access to the Python package index";
        let _ = writeln!(std::io::stderr(), "{line}");
        None
    };
    FOLDER.get_or_init(install).as_deref()
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A running homeserver. It ends with this process.
pub struct Server {
    /// Base URL, such as `http://127.0.0.1:1234`.
    pub address: String,
    _folder: tempfile::TempDir,
    _process: Child,
}

impl Server {
    /// Returns the homeserver that the tests share; `None` if it can't be installed.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: tokio::sync::OnceCell<Option<Server>> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_init(|| Self::start("{per_second: 10000, burst_count: 10000}")).await.as_ref()
    }

    /// Starts a homeserver. `messages` is Synapse's rate limit for messages, in YAML.
    pub async fn start(messages: &str) -> Option<Self> {
        let python = python()?;
        let folder = tempfile::tempdir().expect("the temporary directory is created");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let address = format!("http://127.0.0.1:{port}");
        let config = folder.path().join("homeserver.yaml");
        fs::write(folder.path().join("log.yaml"), log(folder.path())).expect("the directory is writable");
        fs::write(&config, homeserver(folder.path(), port, messages)).expect("the directory is writable");
        let program = python.join("bin/python");
        let mut keys = Command::new(&program);
        let made = run(keys.args(["-m", "synapse.app.homeserver", "--generate-keys", "-c"]).arg(&config));
        assert!(made, "Synapse can't generate its keys");
        // The shell kills the homeserver when its standard input closes. That happens however this process ends.
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
        tokio::time::timeout(WAIT_TIMEOUT, answers).await.expect("the homeserver starts in time");
    }

    /// Registers an account with a unique name that begins with `name`.
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

/// A person with a client without encryption.
pub struct Person {
    base: String,
    http: reqwest::Client,
    /// Name to log in with.
    pub name: String,
    /// User id, `@name:localhost`.
    pub id: String,
    /// Access token.
    pub token: String,
    /// Id of the device that has the token.
    pub device: String,
    /// Number of unread notifications in each room.
    pub notified: HashMap<String, u64>,
    since: Option<String>,
    waiting: VecDeque<Value>,
    sent: u32,
}

/// Percent-encodes an id for a URL.
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
    /// Sends a request to the client-server API. Returns the response, which must have status 200.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_call(method, path, body).await;
        assert!(status == 200, "{method} {path}: {status} {answer}");
        answer
    }

    /// Sends a request to the client-server API. Returns status and response.
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

    /// Creates a room and returns its id.
    pub async fn room(&self, body: Value) -> String {
        self.call("POST", "/createRoom", &body).await["room_id"].as_str().expect("an id").to_owned()
    }

    /// Creates a room, invites `who`, and waits until they have joined. Returns the room's id.
    pub async fn room_with(&mut self, who: &str, more: Value) -> String {
        let mut body = json!({"invite": [who]});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let room = self.room(body).await;
        self.until_in(&room, who, "join").await;
        room
    }

    /// Waits until `who` has this membership.
    pub async fn until_in(&mut self, room: &str, who: &str, membership: &str) {
        self.next(room, |event| {
            event["type"] == "m.room.member"
                && event["state_key"] == who
                && event["content"]["membership"] == membership
        })
        .await;
    }

    /// Sends an event and returns its id.
    pub async fn send(&mut self, room: &str, kind: &str, content: Value) -> String {
        self.sent += 1;
        let path = format!("/rooms/{}/send/{kind}/t{}", coded(room), self.sent);
        self.call("PUT", &path, &content).await["event_id"].as_str().expect("an id").to_owned()
    }

    /// Sends a message and returns its event id.
    pub async fn say(&mut self, room: &str, text: &str) -> String {
        self.send(room, "m.room.message", json!({"msgtype": "m.text", "body": text})).await
    }

    /// Sends a reply and returns its event id.
    pub async fn reply(&mut self, room: &str, to: &str, text: &str) -> String {
        let relation = json!({"m.in_reply_to": {"event_id": to}});
        self.send(room, "m.room.message", json!({"msgtype": "m.text", "body": text, "m.relates_to": relation})).await
    }

    /// Uploads a file and returns its `mxc://` URI.
    async fn upload(&self, bytes: &[u8]) -> String {
        let address = self.base.replace("/_matrix/client/v3", "/_matrix/media/v3/upload");
        let request = self.http.post(address).bearer_auth(&self.token).body(bytes.to_vec());
        let answer = request.send().await.expect("the homeserver answers").text().await.expect("an answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["content_uri"].as_str().expect("an address").to_owned()
    }

    /// Sends a file and returns its event id. `caption` is the message body: a caption, or the file's name.
    pub async fn file(&mut self, room: &str, bytes: &[u8], caption: &str) -> String {
        let address = self.upload(bytes).await;
        let content = json!({"msgtype": "m.file", "body": caption, "filename": "facts.txt", "url": address,
                             "info": {"size": bytes.len()}});
        self.send(room, "m.room.message", content).await
    }

    /// Downloads the text file at a `mxc://` URI.
    pub async fn download(&self, address: &str) -> String {
        let place = address.replace("mxc://", "");
        let from = self.base.replace("/_matrix/client/v3", &format!("/_matrix/client/v1/media/download/{place}"));
        let answer = self.http.get(from).bearer_auth(&self.token).send().await.expect("the homeserver answers");
        answer.text().await.expect("a text")
    }

    /// Sends a reaction and returns its event id.
    pub async fn react(&mut self, room: &str, to: &str, key: &str) -> String {
        let relation = json!({"rel_type": "m.annotation", "event_id": to, "key": key});
        self.send(room, "m.reaction", json!({"m.relates_to": relation})).await
    }

    /// Returns the next event of a room that satisfies `is_it`. Drops earlier events.
    pub async fn next(&mut self, room: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.next_in(&[room.to_owned()], is_it).await
    }

    /// Returns the next event of any of these rooms that satisfies `is_it`. Drops earlier events.
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
        tokio::time::timeout(WAIT_TIMEOUT, found).await.expect("the event arrives in time")
    }

    /// Returns the next message from `from`.
    pub async fn hears(&mut self, room: &str, from: &str) -> Value {
        self.next(room, |event| event["type"] == "m.room.message" && event["sender"] == from).await
    }

    /// Returns the next event of a room. Waits without a limit.
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

    /// Waits until the person is no longer in a room.
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
        tokio::time::timeout(WAIT_TIMEOUT, left).await.expect("the person leaves in time");
    }

    /// Returns the last 1,000 events of a room, the oldest first.
    pub async fn all(&self, room: &str) -> Vec<Value> {
        let path = format!("/rooms/{}/messages?dir=b&limit=1000", coded(room));
        let mut events = self.call("GET", &path, &Value::Null).await["chunk"].as_array().cloned().unwrap_or_default();
        events.reverse();
        events
    }

    /// Returns the messages of `who` in a room, the oldest first, without edits.
    pub async fn all_from(&self, room: &str, who: &str) -> Vec<Value> {
        let all = self.all(room).await;
        let is_first = |event: &Value| event["content"]["m.relates_to"]["rel_type"] != "m.replace";
        let is_message = |event: &Value| event["type"] == "m.room.message" || event["type"] == "m.room.encrypted";
        all.into_iter().filter(|event| event["sender"] == who && is_message(event) && is_first(event)).collect()
    }
}
