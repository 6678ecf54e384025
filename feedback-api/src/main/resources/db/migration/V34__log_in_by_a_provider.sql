-- Who somebody is to an OpenID Connect provider; bound at the first log-in under the person's name.
alter table person
  add column oidc_issuer text,
  add column oidc_subject text,
  add unique (oidc_issuer, oidc_subject);
