//! Tests answer subscriptions: people who asked to be notified when their question has an answer.

use routedesk::desk::Desk;
use routedesk::moderation::{Actor, Moderation, Permission};

use super::*;

const QUESTION: &str = "is there a lounge for passengers at pyongyang airport?";

/// Asks a question without an answer and presses the button to subscribe.
async fn subscribe(bot: &mut Bot, who: u64) -> Value {
    let id = bell(bot).await;
    press(bot, who, &id, false);
    bot.requests.answered().await
}

/// Asks a question without an answer and returns the id of the button to subscribe.
async fn bell(bot: &mut Bot) -> String {
    bot.mention(QUESTION);
    let said = bot.said().await;
    let id =
        buttons(&said, 0).into_iter().find(|id| id.starts_with("tell:")).expect("the reply has a button to subscribe");
    assert!(id.contains("lounge"), "{id}");
    id
}

/// Adds the answer as a moderator of the server, through another connection to the database.
fn answer(bot: &Bot) {
    let line =
        format!("topic add The lounge | {QUESTION} | Azzet reports no lounge at Pyongyang airport. | - | azzet 3");
    moderate(bot, &[&line, "confirm"]);
}

fn moderate(bot: &Bot, lines: &[&str]) {
    let path = bot.folder.path().join("facts.db");
    let desk: Arc<Desk> = Arc::new(common::open(&path));
    let moderation = Moderation::open(desk, &path, "discord").expect("the database opens");
    let by = Actor { who: "7".into(), community: GUILD.to_string(), permission: Permission::Moderator };
    for line in lines {
        moderation.command(&by, line, 1_800_000_000);
    }
}

fn told(bot: &Bot) -> Vec<String> {
    let own = |message: &Value| is_id(&message["author"]["id"], BOT);
    bot.standin.channel(DIRECT).iter().filter(|message| own(message)).map(|one| content(one).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_notified_once_also_after_a_restart() {
    let mut bot = Bot::start().await;
    for _ in 0..2 {
        let kept = subscribe(&mut bot, STRANGER).await;
        assert_eq!(kept["data"]["flags"], 4 | 64);
        assert!(content(&kept["data"]).contains("I'll tell you once"), "{kept}");
    }
    bot.stop().await;
    answer(&bot);
    bot.come_up().await;
    let said = bot.requests.said(DIRECT).await;
    let text = content(&said);
    assert!(text.starts_with("You wanted to know") && text.contains("no lounge at Pyongyang airport"), "{text}");
    // If the question has an answer by now, the button gives it.
    let known = subscribe_now(&mut bot).await;
    assert!(content(&known["data"]).contains("no lounge at Pyongyang airport"), "{known}");
    bot.stop().await;
    bot.come_up().await;
    bot.mention("who flies it?");
    bot.said().await;
    bot.stop().await;
    assert_eq!(told(&bot).len(), 1);
    bot.assert_well_behaved();
}

/// Presses an old button whose question has an answer by now.
async fn subscribe_now(bot: &mut Bot) -> Value {
    press(bot, PERSON, "tell:en:is there a lounge for passengers at pyongyang airport", false);
    bot.requests.answered().await
}

/// A notification is updated like any other answer when the fact is undone. People who have left the server get none.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_updated_and_sent_to_members_only() {
    let mut bot = Bot::start().await;
    subscribe(&mut bot, STRANGER).await;
    subscribe(&mut bot, FORMER).await;
    bot.stop().await;
    answer(&bot);
    bot.come_up().await;
    bot.requests.said(DIRECT).await;
    while !bot.records().subscriptions_before(i64::MAX).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    bot.stop().await;
    assert_eq!(told(&bot).len(), 1);
    moderate(&bot, &["undo 2", "confirm"]);
    bot.come_up().await;
    loop {
        let edited = bot.requests.next("PATCH", "").await;
        if edited.path.contains(&format!("/channels/{DIRECT}/messages/")) {
            assert!(content(&edited.body).contains("Before, it said: Azzet reports no lounge"), "{edited:?}");
            break;
        }
    }
    bot.assert_well_behaved();
}

/// A subscriber is notified once even if the bot is killed between recording the attempt and sending the notification,
/// or between sending and recording the success.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_notifies_nobody_twice() {
    for is_said in [true, false] {
        let mut bot = Bot::start().await;
        subscribe(&mut bot, STRANGER).await;
        bot.stop().await;
        answer(&bot);
        let now = jiff::Timestamp::now().as_second();
        let subscription = bot.records().subscriptions_before(i64::MAX).unwrap().remove(0);
        bot.records().try_to_notify(&subscription.id, now).unwrap();
        if is_said {
            // Send the notification in a complete run, then restore the records of an interrupted one.
            bot.come_up().await;
            bot.requests.said(DIRECT).await;
            bot.stop().await;
            bot.standin.forget_nonces();
            bot.records().keep_subscription(&subscription).unwrap();
            bot.records().try_to_notify(&subscription.id, now).unwrap();
        }
        bot.come_up().await;
        bot.standin.until_said(DIRECT, 1).await;
        while !bot.records().subscriptions_before(i64::MAX).unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        bot.stop().await;
        assert_eq!(told(&bot).len(), 1, "said before: {is_said}");
        bot.assert_well_behaved();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_subscription_notifies_nobody() {
    let mut bot = Bot::start().await;
    let kept = subscribe(&mut bot, STRANGER).await;
    let take_back = buttons(&kept["data"], 0).remove(0);
    // Another person can't withdraw the subscription.
    for (who, left) in [(PERSON, 1), (STRANGER, 0)] {
        press(&bot, who, &take_back, false);
        bot.requests.answered().await;
        assert_eq!(bot.records().subscriptions_before(i64::MAX).unwrap().len(), left);
    }
    bot.assert_well_behaved();
}

/// The bot notifies the person in the channel of the question, without a ping, if Discord refuses the direct message.
#[tokio::test(flavor = "multi_thread")]
async fn without_direct_messages_the_notification_comes_under_the_question() {
    let mut bot = Bot::start().await;
    subscribe(&mut bot, STRANGER).await;
    bot.stop().await;
    answer(&bot);
    bot.standin.fail_next([Fault::Status(403)]);
    bot.come_up().await;
    bot.requests.said(DIRECT).await;
    let said = bot.said().await;
    assert!(content(&said).starts_with("You wanted to know"), "{said}");
    assert_eq!(said["allowed_mentions"]["parse"], json!([]));
    bot.assert_well_behaved();
}

/// The id of a button has no room for a long question. The bot reads the question from its message.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_question_can_be_subscribed_to() {
    let mut bot = Bot::start().await;
    let long =
        format!("{QUESTION} {}", "and is it open late in the evening for those who have to wait there ".repeat(3));
    bot.mention(&long);
    let said = bot.said().await;
    let id =
        buttons(&said, 0).into_iter().find(|id| id.starts_with("tell:")).expect("the reply has a button to subscribe");
    assert!(id.len() <= 100, "{id}");
    press(&bot, PERSON, &id, false);
    let kept = bot.requests.answered().await;
    assert!(content(&kept["data"]).contains("lounge"), "{kept}");
    bot.assert_well_behaved();
}
