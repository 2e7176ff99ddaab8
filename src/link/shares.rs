//! How much a pipe may hold: the shares of its two sides together.

/// Limits of one direction: messages and bytes; zero means none.
pub(crate) type Limits = (usize, usize);

/// Of what the limits of one direction are made: what the sender may have under way, and what the
/// receiver holds. `None`: that side is not there yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    sender: Option<Limits>,
    receiver: Option<Limits>,
}

impl Shares {
    pub(super) fn of_sender(share: Limits) -> Shares {
        Shares {
            sender: Some(share),
            receiver: None,
        }
    }

    pub(super) fn of_receiver(share: Limits) -> Shares {
        Shares {
            sender: None,
            receiver: Some(share),
        }
    }

    pub(super) fn set_sender(&mut self, share: Limits) {
        self.sender = Some(share);
    }

    pub(super) fn set_receiver(&mut self, share: Limits) {
        self.receiver = Some(share);
    }

    /// The side that was missing is there. What it has said for itself meanwhile stands.
    pub(super) fn complete(&mut self, share: Limits) {
        let missing = match self.sender {
            None => &mut self.sender,
            Some(_) => &mut self.receiver,
        };
        missing.get_or_insert(share);
    }

    /// Both together; where one side knows no limit, there is none.
    pub(super) fn total(&self) -> Limits {
        let plus = |first: usize, second: usize| match (first, second) {
            (0, _) | (_, 0) => 0,
            (first, second) => first.saturating_add(second),
        };
        match (self.sender, self.receiver) {
            (Some(first), Some(second)) => (plus(first.0, second.0), plus(first.1, second.1)),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shares_count_and_no_limit_of_either_is_no_limit() {
        let mut shares = Shares::of_sender((2, 20));
        assert_eq!(shares.total(), (2, 20));
        shares.complete((3, 0));
        assert_eq!(shares.total(), (5, 0));
        shares.set_sender((usize::MAX, 1));
        shares.set_receiver((7, 8));
        assert_eq!(shares.total(), (usize::MAX, 9));
    }

    #[test]
    fn what_a_side_has_said_for_itself_is_not_undone_when_it_is_introduced() {
        let mut shares = Shares::of_sender((1, 1));
        shares.set_receiver((5, 5));
        shares.complete((3, 3));
        assert_eq!(shares.total(), (6, 6));
        let mut shares = Shares::of_receiver((1, 1));
        shares.complete((2, 2));
        assert_eq!(shares.total(), (3, 3));
    }
}
