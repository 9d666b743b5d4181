//! Who a connection is by its TLS certificate, which the server has verified.

use super::auth_sets::{fits, super_id};
use super::requests::own_ids;
use super::{Action, Front};
use crate::auth::AuthId;

impl Front {
    /// The connection's certificate names `subject`, as scheme x509 of the ACLs; `is_super` passes every
    /// ACL. Call it right after `connect`, once.
    pub fn certify(&mut self, id: u64, subject: &str, is_super: bool) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let skip_acl = self.config.skip_acl;
        let mut ids = own_ids(self.auth_sets.ids(connection.auth), skip_acl).to_vec();
        if is_super {
            ids.push(super_id());
        }
        ids.push(AuthId { scheme: "x509".into(), id: subject.into() });
        if !fits(&ids) {
            return self.end(id, Action::Close, "the subject of its certificate is too long");
        }
        if skip_acl {
            ids.push(super_id());
        }
        let before = core::mem::replace(&mut connection.auth, self.auth_sets.acquire(ids));
        self.auth_sets.release(before);
    }
}
