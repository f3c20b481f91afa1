//! What one plan holds open: a socket on the host, one for the tables, one in each namespace that it has touched, and the links
//! whose mark it has seen. Everything that is changed is looked up here first, so nothing without our mark can be reached.

use crate::{
    Shared,
    error::{KernelError, StepError},
    execute,
    link::{self, Link},
    netns::{self, Coming, Entry, Namespace},
    nfnetlink::Netfilter,
    pool::Pooled,
    socket::Socket,
};
use drawbridge_api::{ContainerId, IfName, NsName};
use drawbridge_plan::{Object, Place, Step};
use std::{collections::HashMap, fmt, sync::Arc};

/// Carries out the steps of one plan. Its sockets stay in the network namespace that they were opened in, so threads that
/// share a session must be in one; drop it when the plan is done, for a namespace lives as long as a socket in it.
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) host: Socket,
    pooled: Option<Pooled>,
    links: HashMap<IfName, Link>,
    inside: HashMap<NsName, Inside>,
    coming: Option<(NsName, Coming)>,
}

/// A namespace that has been seen to be ours.
pub(crate) struct Inside {
    pub(crate) namespace: Namespace,
    pub(crate) container: ContainerId,
    netfilter: Option<Netfilter>,
    links: HashMap<IfName, u32>,
}

/// A link that has been seen to be ours or in a namespace of ours: the socket that reaches it, and its number.
pub(crate) struct Target<'a> {
    pub(crate) socket: &'a mut Socket,
    pub(crate) index: u32,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("namespaces", &self.inside.keys()).finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.shared.pool.give_back(pooled);
        }
    }
}

impl Session {
    /// Opens what these steps need, and lets the kernel begin with what takes it longest, so that they can be written down
    /// meanwhile: the first namespace that they make. Nothing of it is to be seen before its step, which gives it its name.
    pub(crate) fn open(shared: Arc<Shared>, steps: &[Step]) -> Result<Session, KernelError> {
        let first = steps.iter().find_map(|step| match step {
            Step::Add { object: object @ Object::Namespace { name, .. } } => Some((name.clone(), object.mark()?)),
            Step::Add { .. } | Step::Remove { .. } | Step::Elements { .. } | Step::SetSysctl { .. } => None,
        });
        let coming = match first {
            Some((name, mark)) => Some((name, Coming::begin(mark)?)),
            None => None,
        };
        Ok(Session {
            shared,
            host: Socket::open()?,
            pooled: None,
            links: HashMap::new(),
            inside: HashMap::new(),
            coming,
        })
    }

    /// Does one step. To do it twice is harmless: making what is there, with the same attributes, succeeds, and so does
    /// removing what is not.
    ///
    /// # Errors
    /// When the kernel refuses, when something of that name exists without our mark (it is then left as it is), or when
    /// something that the step needs is not there.
    pub fn execute(&mut self, step: &Step) -> Result<(), StepError> {
        execute::execute(self, step).map_err(|error| StepError::new(step, error))
    }

    /// The namespace of this name that has been begun, if it is that one.
    pub(crate) fn coming(&mut self, name: &NsName) -> Option<Coming> {
        self.coming.take_if(|(coming, _)| coming == name).map(|(_, coming)| coming)
    }

    /// The way to the tables, opened when first asked for: many plans do not change them.
    pub(crate) fn netfilter(&mut self) -> Result<&mut Netfilter, KernelError> {
        let pooled = match &mut self.pooled {
            Some(pooled) => pooled,
            none => none.insert(self.shared.pool.take()?),
        };
        Ok(&mut pooled.netfilter)
    }

    /// A link on the host that is ours; none when there is no such link.
    pub(crate) fn host_link(&mut self, name: &IfName) -> Result<Option<Link>, KernelError> {
        if let Some(link) = self.links.get(name) {
            return Ok(Some(link.clone()));
        }
        let Some(link) = link::find(&mut self.host, name)? else { return Ok(None) };
        if link.mark().is_none() {
            return Err(foreign_link(name));
        }
        self.links.insert(name.clone(), link.clone());
        Ok(Some(link))
    }

    /// Remembers a link that has just been made or seen, and for a veth the number of its other end.
    pub(crate) fn remember(&mut self, name: &IfName, link: Link, other_end: Option<(&NsName, &IfName)>) {
        if let (Some((namespace, interface)), Some(peer)) = (other_end, link.peer)
            && let Some(inside) = self.inside.get_mut(namespace)
        {
            inside.links.insert(interface.clone(), peer);
        }
        self.links.insert(name.clone(), link);
    }

    /// Forgets all links: one was removed, and another may have gone with it.
    pub(crate) fn forget_links(&mut self) {
        self.links.clear();
        for inside in self.inside.values_mut() {
            inside.links.clear();
        }
    }

    /// A namespace that is ours; none when there is none of that name.
    pub(crate) fn inside(&mut self, name: &NsName) -> Result<Option<&mut Inside>, KernelError> {
        if !self.inside.contains_key(name) {
            let Entry::Mounted(_) = netns::look(name)? else { return Ok(None) };
            let Some(mut namespace) = netns::open(name)? else { return Err(foreign_namespace(name)) };
            let Some(container) = netns::owner(&mut namespace.socket)? else { return Err(foreign_namespace(name)) };
            self.keep(name, namespace, container);
        }
        Ok(self.inside.get_mut(name))
    }

    /// The way to the tables of a container's namespace; none when there is none of that name.
    pub(crate) fn inner_netfilter(
        &mut self,
        name: &NsName,
        container: &ContainerId,
    ) -> Result<Option<&mut Netfilter>, KernelError> {
        let Some(inside) = self.inside(name)? else { return Ok(None) };
        if inside.container != *container {
            return Err(foreign_namespace(name));
        }
        if inside.netfilter.is_none() {
            inside.netfilter = netns::visit_one(name, Netfilter::open)?;
        }
        Ok(inside.netfilter.as_mut())
    }

    /// The host's socket and a namespace that is ours, at once; none when there is none of that name.
    pub(crate) fn both(&mut self, name: &NsName) -> Result<Option<(&mut Socket, &mut Inside)>, KernelError> {
        if self.inside(name)?.is_none() {
            return Ok(None);
        }
        let Session { host, inside, .. } = self;
        Ok(inside.get_mut(name).map(|inside| (host, inside)))
    }

    /// Keeps a namespace open that has just been made or seen.
    pub(crate) fn keep(&mut self, name: &NsName, namespace: Namespace, container: ContainerId) {
        self.inside.insert(name.clone(), Inside { namespace, container, netfilter: None, links: HashMap::new() });
    }

    /// Lets a namespace go, so that it can end.
    pub(crate) fn release(&mut self, name: &NsName) {
        self.inside.remove(name);
        self.forget_links();
    }

    /// The way to a link; none when it or its namespace is not there.
    pub(crate) fn target(&mut self, place: &Place, name: &IfName) -> Result<Option<Target<'_>>, KernelError> {
        match place {
            Place::Host => {
                let index = self.host_link(name)?.map(|link| link.index);
                Ok(index.map(|index| Target { socket: &mut self.host, index }))
            }
            Place::Namespace(namespace) => {
                let Some(inside) = self.inside(namespace)? else { return Ok(None) };
                let socket = &mut inside.namespace.socket;
                let index = match inside.links.get(name) {
                    Some(index) => *index,
                    None => {
                        let Some(link) = link::find(socket, name)? else { return Ok(None) };
                        inside.links.insert(name.clone(), link.index);
                        link.index
                    }
                };
                Ok(Some(Target { socket, index }))
            }
        }
    }

    /// As [`Session::target`], for a step that needs the link.
    pub(crate) fn needed(&mut self, place: &Place, name: &IfName) -> Result<Target<'_>, KernelError> {
        let absent = || KernelError::Absent {
            what: match place {
                Place::Host => format!("link {name}"),
                Place::Namespace(namespace) => format!("link {name} in namespace {namespace}"),
            },
        };
        self.target(place, name)?.ok_or_else(absent)
    }
}

/// The link has no mark of ours, or that of another.
pub(crate) fn foreign_link(name: &IfName) -> KernelError {
    KernelError::Foreign {
        what: format!("link {name}"),
        remedy: format!("choose another name, or remove it yourself with `ip link del {name}`"),
    }
}

/// The namespace has no mark of ours, or that of another.
pub(crate) fn foreign_namespace(name: &NsName) -> KernelError {
    KernelError::Foreign {
        what: format!("namespace {name}"),
        remedy: format!("remove it yourself with `ip netns del {name}`"),
    }
}
