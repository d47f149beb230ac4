//! A connection to a container's shim.

use crate::context::{Container, Context};
use crate::error::Error;
use nexcage_task_api::client::{Answer, Terms};
use nexcage_task_api::method::{Remove, Shutdown, Start, State};
use nexcage_task_api::shim::RemoveRequest;
use nexcage_task_api::task::{ShutdownRequest, StartRequest, StateRequest, Status};
use nexcage_task_api::{Client, ClientError, Method, StreamId};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How long a shim may take to end once it was told to.
const FAREWELL: Duration = Duration::from_secs(10);

/// A connection to a container's shim.
#[derive(Debug)]
pub(crate) struct Shim {
    client: Client,
    id: String,
}

impl Shim {
    /// Connects to the shim of a container that exists.
    pub(crate) fn of(context: &Context, container: &Container) -> Result<Self, Error> {
        let client = context.launcher.connect(&container.dir)?;
        Ok(Shim { client, id: container.id.to_string() })
    }

    /// The container's id, for requests.
    pub(crate) fn id(&self) -> String {
        self.id.clone()
    }

    /// Calls a method and waits for its answer.
    pub(crate) fn call<M: Method>(&mut self, arguments: &M::Request) -> Result<M::Response, Error> {
        Ok(self.client.call::<M>(arguments)?)
    }

    /// The same, with keys and values along.
    pub(crate) fn call_with<M: Method>(
        &mut self,
        arguments: &M::Request,
        metadata: &[(&str, &str)],
    ) -> Result<M::Response, Error> {
        Ok(self.client.call_with::<M>(arguments, Terms { deadline: None, metadata })?)
    }

    /// Calls a method whose answer [`Shim::answer`] gives.
    pub(crate) fn send<M: Method>(&mut self, arguments: &M::Request) -> Result<StreamId, Error> {
        Ok(self.client.send::<M>(arguments)?)
    }

    /// The next answer of a call that was sent, if it is there.
    pub(crate) fn answer(&mut self) -> Result<Option<Answer>, Error> {
        Ok(self.client.try_receive()?)
    }

    /// The next answer of a call that was sent; none if the time is up before.
    pub(crate) fn answer_until(&mut self, deadline: Instant) -> Result<Option<Answer>, Error> {
        match self.client.receive_until(Some(deadline)) {
            Err(ClientError::Timeout) => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }

    /// Starts the container's process, or one that was added, and gives its pid.
    pub(crate) fn start(&mut self, exec_id: &str) -> Result<u32, Error> {
        let request = StartRequest { id: self.id(), exec_id: exec_id.to_owned() };
        Ok(self.call::<Start>(&request)?.pid)
    }

    /// The status of the container's process.
    pub(crate) fn status(&mut self) -> Result<Status, Error> {
        let request = StateRequest { id: self.id(), exec_id: String::new() };
        Ok(self.call::<State>(&request)?.status)
    }

    /// Ends the container, removes it, and sees the shim off.
    pub(crate) fn remove(mut self) -> Result<(), Error> {
        let request = RemoveRequest { id: self.id() };
        self.call::<Remove>(&request)?;
        self.see_off();
        Ok(())
    }

    /// Ends the shim of a container that is gone.
    pub(crate) fn shut_down(mut self) {
        let request = ShutdownRequest { id: self.id(), now: false };
        match self.call::<Shutdown>(&request) {
            Ok(_) => self.see_off(),
            Err(error) => log::debug!("shutdown: {}", nexcage_cli::causes(&error)),
        }
    }

    /// Waits for the end of the connection, so that nothing of the container is left when a command
    /// returns.
    pub(crate) fn see_off(&mut self) {
        let deadline = Instant::now() + FAREWELL;
        while let Ok(Some(_)) = self.answer_until(deadline) {}
    }
}

impl AsFd for Shim {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }
}
