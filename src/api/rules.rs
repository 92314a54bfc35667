//! CEL rules that several fields share. Each has its equal in `validate`, with the same words.

use kube::core::Rule;

/// `host:port`, or `[address]:port`.
pub fn address() -> Rule {
    Rule::new(r"self.matches(r'^(\[[0-9A-Fa-f:.]+\]|[^\[\]:/@?#\s]+):[0-9]{1,5}$')")
        .message("must be host:port, or [address]:port for IPv6")
}

/// The port of an address that [`address`] has let through.
pub fn address_port() -> Rule {
    Rule::new(
        "!self.matches('[^:]:[0-9]{1,5}$') || \
         (int(self.substring(self.lastIndexOf(':') + 1)) >= 1 && int(self.substring(self.lastIndexOf(':') + 1)) <= 65535)",
    )
    .message("the port must be 1 to 65535")
}

pub fn url() -> Rule {
    Rule::new("self.matches('(?i)^https?://[^/?#]')").message("must begin with http:// or https:// and name a host")
}

/// `instead` says where credentials belong.
pub fn url_without_credentials(instead: &str) -> Rule {
    Rule::new("!self.matches('^[^/?#]*://[^/?#]*@')")
        .message(format!("must not hold credentials: use {instead}").as_str())
}

pub fn url_without_spaces() -> Rule {
    Rule::new(r"!self.matches(r'[\s[:cntrl:]]')").message("must not hold spaces or control characters")
}

pub fn url_port() -> Rule {
    Rule::new(
        "!self.matches('^[^/?#]*://[^/?#]*:[0-9]+([/?#]|$)') || !isURL(self) || \
         (int(url(self).getPort()) >= 1 && int(url(self).getPort()) <= 65535)",
    )
    .message("the port must be 1 to 65535")
}

/// Of a window's length. One that is written in days or weeks has them, and CEL cannot read it.
pub fn whole_minutes() -> Rule {
    Rule::new(
        "self.matches('[dw]') || (duration(self) >= duration('1m') && \
         duration(self).getSeconds() % 60 == 0 && duration(self).getMilliseconds() % 1000 == 0)",
    )
    .message("must be whole minutes, at least one")
}

pub fn window_of_five_minutes() -> Rule {
    Rule::new("self.matches('[dw]') || duration(self) >= duration('5m')").message("must be at least 5m")
}
