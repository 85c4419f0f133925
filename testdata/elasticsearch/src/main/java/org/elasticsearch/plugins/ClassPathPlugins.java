package org.elasticsearch.plugins;

import org.elasticsearch.Build;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.spi.SPIClassIterator;

import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Plugins that are on the class path, where Elasticsearch looks for directories. */
public final class ClassPathPlugins extends PluginsService {
    private final List<LoadedPlugin> all = new ArrayList<>();

    public ClassPathPlugins(Environment environment, PluginsLoader loader, List<Class<? extends Plugin>> classes) {
        super(environment.settings(), environment.configDir(), loader);
        for (var type : classes) {
            var about = new PluginDescriptor(type.getName(), "", "0", Build.current().version(), "17", type.getName(), null, List.of(), false,
                false, false, false);
            all.add(new LoadedPlugin(about, loadPlugin(type, environment.settings(), environment.configDir()), type.getClassLoader()));
        }
        for (var plugin : all) {
            if (plugin.instance() instanceof ExtensiblePlugin extensible) {
                extensible.loadExtensions(this::find);
            }
        }
    }

    @Override
    protected List<LoadedPlugin> plugins() {
        return all == null ? super.plugins() : all; // the constructor above asks before there is a list
    }

    @Override
    public <T> List<? extends T> loadServiceProviders(Class<T> service) {
        return find(service);
    }

    /** Services by what META-INF/services says: those of plugins that are not here are left out. */
    private <T> List<T> find(Class<T> service) {
        List<T> found = new ArrayList<>();
        SPIClassIterator.get(service, getClass().getClassLoader()).forEachRemaining(type -> {
            for (Constructor<?> make : type.getConstructors()) {
                Stream<Object[]> arguments = switch (make.getParameterCount()) {
                    case 0 -> Stream.<Object[]>of(new Object[0]).filter(none -> type.getConstructors().length == 1); // else it wants its plugin
                    case 1 -> all.stream().map(LoadedPlugin::instance).filter(make.getParameterTypes()[0]::isInstance).map(p -> new Object[] { p });
                    default -> Stream.empty();
                };
                arguments.findFirst().ifPresent(with -> {
                    try {
                        found.add(service.cast(make.newInstance(with)));
                    } catch (ReflectiveOperationException e) {
                        throw new IllegalStateException(type.getName(), e);
                    }
                });
            }
        });
        return found;
    }
}
