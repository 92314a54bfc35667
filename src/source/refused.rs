//! From the mistakes in an object to why it does not run.

use super::Refused;
use crate::{
    health::Reason,
    validate::{Fault, FieldError, Invalid},
};

/// What a condition's message holds; the API server takes 32 KiB, people read less.
pub(super) const MAX_MESSAGE_BYTES: usize = 1024;

impl From<&Invalid> for Refused {
    /// The gravest fault gives the reasons: what is wrong in the spec itself before what it refers to.
    fn from(Invalid(mistakes): &Invalid) -> Self {
        let order = [
            Fault::InvalidSpec,
            Fault::InvalidExpression,
            Fault::NotSupported,
            Fault::NotPermitted,
            Fault::UnresolvedReference,
        ];
        let fault = order.into_iter().find(|fault| mistakes.iter().any(|mistake| mistake.fault == *fault));
        let fault = fault.unwrap_or(Fault::InvalidSpec);
        let reason = match fault {
            Fault::NotSupported => Reason::NotSupported,
            Fault::UnresolvedReference | Fault::NotPermitted
                if mistakes.iter().any(|mistake| mistake.secret_missing) =>
            {
                Reason::SecretMissing
            }
            Fault::NotPermitted => Reason::NotPermitted,
            Fault::InvalidSpec | Fault::InvalidExpression | Fault::UnresolvedReference => Reason::InvalidSpec,
        };
        Self { ready_reason: fault.as_str(), reason, message: message(mistakes).into() }
    }
}

/// Every mistake, one after the other, as far as there is room.
fn message(mistakes: &[FieldError]) -> String {
    let mut message = String::new();
    for (told, mistake) in mistakes.iter().enumerate() {
        let text = mistake.to_string();
        if !message.is_empty() && message.len() + text.len() > MAX_MESSAGE_BYTES {
            message += &format!("; and {} more", mistakes.len() - told);
            break;
        }
        if !message.is_empty() {
            message += "; ";
        }
        message.extend(text.chars().take(MAX_MESSAGE_BYTES));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::FieldPath;

    fn refused(faults: &[(Fault, bool)]) -> Refused {
        let mistake = |&(fault, secret_missing): &(Fault, bool)| FieldError {
            secret_missing,
            ..FieldError::new(FieldPath::of("spec.a"), fault, "is wrong")
        };
        Refused::from(&Invalid(faults.iter().map(mistake).collect()))
    }

    #[test]
    fn the_gravest_fault_gives_the_reasons() {
        let missing = (Fault::UnresolvedReference, true);
        let spec = (Fault::InvalidSpec, false);
        for (faults, ready, reason) in [
            (&[missing][..], "UnresolvedReference", Reason::SecretMissing),
            (&[missing, spec], "InvalidSpec", Reason::InvalidSpec),
            (&[(Fault::UnresolvedReference, false)], "UnresolvedReference", Reason::InvalidSpec),
            (&[(Fault::InvalidExpression, false)], "InvalidExpression", Reason::InvalidSpec),
            (&[(Fault::NotSupported, false), missing], "NotSupported", Reason::NotSupported),
        ] {
            let refused = refused(faults);
            assert_eq!((refused.ready_reason, refused.reason), (ready, reason), "{faults:?}");
        }
    }

    #[test]
    fn the_message_is_bounded_and_says_what_it_leaves_out() {
        assert_eq!(&*refused(&[(Fault::InvalidSpec, false); 2]).message, "spec.a: is wrong; spec.a: is wrong");
        let many = refused(&vec![(Fault::InvalidSpec, false); 500]).message;
        assert!(many.len() < MAX_MESSAGE_BYTES + 30 && many.ends_with(" more"), "{many}");
    }
}
