# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How to reach the cluster: goes with argspec.AUTH_OPTIONS. Names and meaning are kubernetes.core's."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of a kubeconfig file, several paths separated by V(:), or the kubeconfig itself as a dictionary.
      - Without any connection option, the module uses the service account of its pod. If it runs in no pod, it uses the file that
        E(KUBECONFIG) names, else V(~/.kube/config).
      - It means what it means to kubectl, whatever the version of the C(kubernetes) library. What that library cannot do is refused by
        name.
      - Users with an exec plugin or an OIDC provider are supported. Their credentials are renewed before they expire and when the API
        server refuses them.
      - Can also be set with E(K8S_AUTH_KUBECONFIG).
    type: raw
  context:
    description: Context of the kubeconfig to use instead of the current one. Can also be set with E(K8S_AUTH_CONTEXT).
    type: str
  host:
    description: URL of the API server. Can also be set with E(K8S_AUTH_HOST).
    type: str
  api_key:
    description: Bearer token for the API server. Can also be set with E(K8S_AUTH_API_KEY).
    type: str
  username:
    description: User name for HTTP basic authentication. Can also be set with E(K8S_AUTH_USERNAME).
    type: str
  password:
    description: Password for HTTP basic authentication. Can also be set with E(K8S_AUTH_PASSWORD).
    type: str
  client_cert:
    description:
      - Path of a client certificate. Can also be set with E(K8S_AUTH_CLIENT_CERT) or E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description: Path of the client certificate's key. Can also be set with E(K8S_AUTH_CLIENT_KEY) or E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  ca_cert:
    description:
      - Path of the CA certificates that the API server's certificate is verified with, the full chain.
        Can also be set with E(K8S_AUTH_CA_CERT) or E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  validate_certs:
    description:
      - Whether the API server's certificate is verified. Can also be set with E(K8S_AUTH_VALIDATE_CERTS) or E(K8S_AUTH_VERIFY_SSL).
    type: bool
    aliases: [verify_ssl]
  proxy:
    description:
      - URL of an HTTP or SOCKS proxy on the way to the API server. Can also be set with E(K8S_AUTH_PROXY).
      - Without it the C(proxy-url) of the kubeconfig is used, else the proxy of the environment (E(HTTPS_PROXY), E(NO_PROXY)).
      - A SOCKS proxy needs the Python library PySocks.
    type: str
  no_proxy:
    description:
      - Comma separated hosts, domains, IPs and CIDRs that are reached without the proxy. Can also be set with E(K8S_AUTH_NO_PROXY).
    type: str
  proxy_headers:
    description: Headers for the HTTP proxy.
    type: dict
    suboptions:
      proxy_basic_auth:
        description:
          - User name and password for the proxy, separated by a colon. Can also be set with E(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH).
        type: str
      basic_auth:
        description:
          - User name and password for a basic authentication header, separated by a colon.
            Can also be set with E(K8S_AUTH_PROXY_HEADERS_BASIC_AUTH).
        type: str
      user_agent:
        description: The user agent that the proxy sees. Can also be set with E(K8S_AUTH_PROXY_HEADERS_USER_AGENT).
        type: str
  persist_config:
    description:
      - Whether a refresh token that an OIDC provider handed out is written back to the kubeconfig file. Needed where each refresh
        token is good for one use only. Can also be set with E(K8S_AUTH_PERSIST_CONFIG).
    type: bool
  impersonate_user:
    description: User to impersonate, in place of C(as) of the kubeconfig. Can also be set with E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description:
      - Groups to impersonate, in place of C(as-groups) of the kubeconfig. Can also be set with E(K8S_AUTH_IMPERSONATE_GROUPS), separated
        by commas.
    type: list
    elements: str
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python package, on the host that the module runs on)
notes:
  - Run it on a host that reaches the API server, usually with C(delegate_to=localhost) or in a play on C(localhost).
"""
