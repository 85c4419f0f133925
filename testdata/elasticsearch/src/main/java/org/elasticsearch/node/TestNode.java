package org.elasticsearch.node;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.SecureString;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.plugins.ClassPathPlugins;
import org.elasticsearch.plugins.MissingModules;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;
import org.elasticsearch.transport.netty4.Netty4Plugin;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.core.security.authc.support.Hasher;
import org.elasticsearch.xpack.esql.core.plugin.EsqlCorePlugin;
import org.elasticsearch.xpack.esql.plugin.EsqlPlugin;
import org.elasticsearch.xpack.kql.KqlPlugin;
import org.elasticsearch.xpack.security.KeysAndRoles;
import org.elasticsearch.xpack.versionfield.VersionFieldPlugin;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * TestNode HOME [setting=value ...] runs a node on a free port of 127.0.0.1, prints its address, and ends with its standard
 * input: no test can leave one behind.
 */
public final class TestNode extends Node {
    private static final List<Class<? extends Plugin>> PLUGINS = List.of(Netty4Plugin.class, XPackPlugin.class, EsqlCorePlugin.class,
        VersionFieldPlugin.class, KqlPlugin.class, MissingModules.class, EsqlPlugin.class);

    private static List<Class<? extends Plugin>> plugins(Settings settings) {
        if (settings.getAsBoolean("xpack.security.enabled", false) == false) {
            return PLUGINS;
        }
        List<Class<? extends Plugin>> all = new ArrayList<>(PLUGINS);
        all.add(KeysAndRoles.class);
        return all;
    }

    private TestNode(Environment environment) {
        super(NodeConstruction.prepareConstruction(environment, PluginsLoader.createPluginsLoader(Set.of(), Set.of(), Map.of(), false),
            new NodeServiceProvider() {
                @Override
                PluginsService newPluginService(Environment e, PluginsLoader loader) {
                    return new ClassPathPlugins(e, loader, plugins(e.settings()));
                }
            }, false));
    }

    public static void main(String[] args) throws Exception {
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> { // without this a request would wait for ever
            e.printStackTrace();
            if (e instanceof Error) {
                Runtime.getRuntime().halt(1);
            }
        });
        Path home = Path.of(args[0]).toAbsolutePath();
        Settings.Builder settings = Settings.builder().put("path.home", home).put("cluster.name", "test").put("node.name", "test")
            .put("discovery.type", "single-node").put("http.host", "127.0.0.1").put("http.port", "0").put("transport.host", "127.0.0.1")
            .put("transport.port", "0").put("xpack.security.enabled", false).put("cluster.routing.allocation.disk.threshold_enabled", false);
        for (String arg : List.of(args).subList(1, args.length)) {
            settings.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
        }
        Path config = Files.createDirectories(home.resolve("config"));
        if ("true".equals(settings.get("xpack.security.enabled"))) { // a superuser: admin, adminadmin
            char[] hash = Hasher.BCRYPT4.hash(new SecureString("adminadmin".toCharArray()));
            Files.writeString(config.resolve("users"), "admin:" + new String(hash) + "\n");
            Files.writeString(config.resolve("users_roles"), "superuser:admin\n");
        }
        LogConfigurator.configureESLogging();
        LogConfigurator.setNodeName("test");
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), config, () -> "test");
        LogConfigurator.configureWithoutConfig(environment.settings());
        try (TestNode node = new TestNode(environment)) {
            node.start();
            var port = node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
            System.out.println("http://127.0.0.1:" + port);
            System.in.readAllBytes();
        }
        Runtime.getRuntime().halt(0);
    }
}
