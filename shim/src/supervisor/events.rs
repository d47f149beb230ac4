//! What happened, for those who ask; the last ones are kept.

use crate::supervisor::forward::Forwarder;
use crate::supervisor::peers::Ticket;
use nexcage_task_api::message::Named;
use nexcage_task_api::shim::{Event, EventsResponse};
use nexcage_task_api::{Any, Timestamp};
use std::collections::VecDeque;
use std::time::SystemTime;

/// How many are kept.
const MOST: usize = 128;

/// The events of a container's life.
#[derive(Debug, Default)]
pub(crate) struct Events {
    kept: VecDeque<Event>,
    last: u64,
    /// Who waits for one after a number.
    waiting: Vec<(Ticket, u64)>,
    /// An engine that is told of each.
    pub(super) forwarder: Option<Forwarder>,
}

impl Events {
    /// Adds an event.
    pub(crate) fn add<M: Named>(&mut self, topic: &str, event: &M) {
        self.last += 1;
        if self.kept.len() == MOST {
            self.kept.pop_front();
        }
        let at = Some(Timestamp::from(SystemTime::now()));
        let event = Some(Any::pack(event));
        let event = Event { number: self.last, topic: topic.to_owned(), at, event };
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.add(event.clone());
        }
        self.kept.push_back(event);
    }

    /// Somebody wants those after a number.
    pub(crate) fn ask(&mut self, ticket: Ticket, after: u64) {
        self.waiting.push((ticket, after));
    }

    /// The answers that can be given by now.
    pub(crate) fn answers(&mut self) -> Vec<(Ticket, EventsResponse)> {
        let (last, kept) = (self.last, &self.kept);
        let (ready, waiting) = self.waiting.drain(..).partition(|(_, after)| *after < last);
        self.waiting = waiting;
        let ready: Vec<(Ticket, u64)> = ready;
        let newer = |after| kept.iter().filter(|event| event.number > after).cloned().collect();
        ready.into_iter().map(|(ticket, after)| (ticket, EventsResponse { events: newer(after) })).collect()
    }

    /// Those who still wait, when there is nothing more to come.
    pub(crate) fn left(&mut self) -> Vec<Ticket> {
        self.waiting.drain(..).map(|(ticket, _)| ticket).collect()
    }

    pub(crate) fn forget(&mut self, peer: u64) {
        self.waiting.retain(|(ticket, _)| ticket.peer != peer);
    }
}
