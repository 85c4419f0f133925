package org.elasticsearch.xpack.security;

import org.elasticsearch.common.settings.Settings;

import java.util.List;

/** Security without the actions of SAML and OIDC, whose libraries are not published where Maven looks. */
public final class KeysAndRoles extends Security {
    public KeysAndRoles(Settings settings) {
        super(settings);
    }

    @Override
    public List<ActionHandler<?, ?>> getActions() {
        return super.getActions().stream().filter(a -> a.getTransportAction().getName().matches(".*\\.(saml|oidc)\\..*") == false).toList();
    }
}
