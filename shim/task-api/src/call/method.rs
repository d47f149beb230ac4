//! Every method with its types: a unit struct each for callers, a variant of [`Call`] for the shim.

use super::{Failure, Request};
use crate::call::Code;
use crate::events::ForwardRequest;
use crate::message::Message;
use crate::shim::{AttachRequest, AttachResponse, EventsRequest, EventsResponse, RemoveRequest};
use crate::task::{
    CheckpointTaskRequest, CloseIORequest, ConnectRequest, ConnectResponse, CreateTaskRequest,
    CreateTaskResponse, DeleteRequest, DeleteResponse, Empty, ExecProcessRequest, KillRequest, PauseRequest,
    PidsRequest, PidsResponse, ResizePtyRequest, ResumeRequest, ShutdownRequest, StartRequest, StartResponse,
    StateRequest, StateResponse, StatsRequest, StatsResponse, UpdateTaskRequest, WaitRequest, WaitResponse,
};

/// containerd's service, by the name that every version of containerd knows.
pub const TASK: &str = "containerd.task.v2.Task";
/// The same service by its newer name.
pub const TASK_V3: &str = "containerd.task.v3.Task";
/// nexcage's own service.
pub const SHIM: &str = "nexcage.shim.v1.Shim";
/// containerd's service that takes events.
pub const EVENTS: &str = "containerd.services.events.ttrpc.v1.Events";

/// A method of a service.
pub trait Method {
    /// The service's name with its package.
    const SERVICE: &'static str;
    /// The method's name.
    const METHOD: &'static str;
    /// What it takes.
    type Request: Message;
    /// What it answers.
    type Response: Message;
}

macro_rules! methods {
    ($($service:ident { $($method:ident($request:ty) -> $response:ty;)* })*) => {
        $($(
            #[doc = concat!("The method ", stringify!($method), ".")]
            #[derive(Debug, Clone, Copy)]
            pub struct $method;

            impl Method for $method {
                const SERVICE: &'static str = $service;
                const METHOD: &'static str = stringify!($method);
                type Request = $request;
                type Response = $response;
            }
        )*)*

        /// A call of a method that a shim has.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Call {
            $($(
                #[doc = concat!("See [`", stringify!($method), "`].")]
                $method($request),
            )*)*
        }

        impl Call {
            /// Finds the method and reads its arguments.
            ///
            /// # Errors
            /// What the caller is to be told: [`Code::Unimplemented`] if there is no such service or
            /// method, [`Code::InvalidArgument`] if the arguments cannot be read.
            pub fn decode(request: &Request) -> Result<Self, Failure> {
                let service = if request.service == TASK_V3 { TASK } else { &request.service };
                match (service, request.method.as_str()) {
                    $($(
                        ($service, stringify!($method)) => arguments::<$method>(request).map(Call::$method),
                    )*)*
                    ($($service)|*, method) => {
                        Err(Failure::new(Code::Unimplemented, format!("no method {method} in {service}")))
                    }
                    _ => Err(Failure::new(Code::Unimplemented, format!("no service {service}"))),
                }
            }

            /// The request that [`Call::decode`] makes this call of.
            #[must_use]
            pub fn to_request(&self) -> Request {
                match self {
                    $($(Call::$method(arguments) => Request::of::<$method>(arguments),)*)*
                }
            }

            /// The container that is meant; every method takes its id.
            #[must_use]
            pub fn id(&self) -> &str {
                match self {
                    $($(Call::$method(arguments) => &arguments.id,)*)*
                }
            }

            /// The name of the method.
            #[must_use]
            pub fn method(&self) -> &'static str {
                match self {
                    $($(Call::$method(_) => stringify!($method),)*)*
                }
            }
        }

        /// Every method as service and name.
        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$($(($service, stringify!($method)),)*)*];
    };
}

methods! {
    TASK {
        State(StateRequest) -> StateResponse;
        Create(CreateTaskRequest) -> CreateTaskResponse;
        Start(StartRequest) -> StartResponse;
        Delete(DeleteRequest) -> DeleteResponse;
        Pids(PidsRequest) -> PidsResponse;
        Pause(PauseRequest) -> Empty;
        Resume(ResumeRequest) -> Empty;
        Checkpoint(CheckpointTaskRequest) -> Empty;
        Kill(KillRequest) -> Empty;
        Exec(ExecProcessRequest) -> Empty;
        ResizePty(ResizePtyRequest) -> Empty;
        CloseIO(CloseIORequest) -> Empty;
        Update(UpdateTaskRequest) -> Empty;
        Wait(WaitRequest) -> WaitResponse;
        Stats(StatsRequest) -> StatsResponse;
        Connect(ConnectRequest) -> ConnectResponse;
        Shutdown(ShutdownRequest) -> Empty;
    }
    SHIM {
        Attach(AttachRequest) -> AttachResponse;
        Events(EventsRequest) -> EventsResponse;
        Remove(RemoveRequest) -> Empty;
    }
}

/// Hands an event to containerd, which serves it.
#[derive(Debug, Clone, Copy)]
pub struct Forward;

impl Method for Forward {
    const SERVICE: &'static str = EVENTS;
    const METHOD: &'static str = "Forward";
    type Request = ForwardRequest;
    type Response = Empty;
}

fn arguments<M: Method>(request: &Request) -> Result<M::Request, Failure> {
    M::Request::decode(&request.payload).map_err(|error| Failure::unreadable(M::METHOD, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(service: &str, method: &str, payload: &[u8]) -> Request {
        Request {
            service: service.into(),
            method: method.into(),
            payload: payload.to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn every_method_is_found_and_makes_its_request_again() {
        let id = [0x0a, 1, b'c'];
        for (service, method) in ALL {
            let request = request(service, method, &id);
            let call = Call::decode(&request).unwrap();
            assert_eq!((call.id(), call.method()), ("c", *method));
            assert_eq!(call.to_request(), request);
            let newer = Request { service: TASK_V3.into(), ..request };
            let newer = Call::decode(&newer).map_err(|failure| failure.code);
            assert_eq!(newer, if *service == TASK { Ok(call) } else { Err(Code::Unimplemented) });
        }
        assert_eq!(ALL.len(), 20);
    }

    #[test]
    fn what_there_is_not_is_not_implemented() {
        for (service, method) in [(TASK, "Nothing"), (TASK, "Attach"), (SHIM, "State"), ("none", "State")] {
            let failure = Call::decode(&request(service, method, b"")).unwrap_err();
            assert_eq!(failure.code, Code::Unimplemented);
            assert!(failure.message.contains(service), "{failure}");
        }
    }

    #[test]
    fn arguments_that_cannot_be_read_are_invalid() {
        let failure = Call::decode(&request(TASK, "State", &[0x0a, 9])).unwrap_err();
        assert_eq!(failure.code, Code::InvalidArgument);
        assert!(failure.message.contains("State"), "{failure}");
    }
}
