package org.elasticsearch.plugins;

import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.PreConfiguredTokenizer;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.mapper.KeywordFieldMapper;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.NumberFieldMapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.indices.SystemIndexDescriptor;
import org.elasticsearch.indices.analysis.AnalysisModule;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xpack.core.async.AsyncTaskIndexService;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * What tests need of modules that are not published: field types of Elastic's templates, the index of async queries,
 * GET /, the end of a data stream, and the analysis of the index of keys.
 */
public final class MissingModules extends Plugin implements MapperPlugin, SystemIndexPlugin, ActionPlugin, AnalysisPlugin {
    private ClusterService cluster;

    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        return Map.of("wildcard", KeywordFieldMapper.PARSER, "match_only_text", TextFieldMapper.PARSER, "constant_keyword",
            without("value", KeywordFieldMapper.PARSER), "scaled_float", without("scaling_factor", NumberFieldMapper.NumberType.DOUBLE.parser()));
    }

    private static Mapper.TypeParser without(String parameter, Mapper.TypeParser of) {
        return (name, node, context) -> {
            node.remove(parameter);
            return of.parse(name, node, context);
        };
    }

    @Override
    public Collection<SystemIndexDescriptor> getSystemIndexDescriptors(Settings settings) {
        return List.of(AsyncTaskIndexService.getSystemIndexDescriptor());
    }

    @Override
    public String getFeatureName() {
        return "async_search";
    }

    @Override
    public String getFeatureDescription() {
        return "results of async queries";
    }

    @Override
    public Collection<?> createComponents(PluginServices services) {
        cluster = services.clusterService();
        return List.of();
    }

    @Override
    public Collection<RestHandler> getRestHandlers(Settings settings, NamedWriteableRegistry writeables, RestController controller,
        ClusterSettings clusterSettings, IndexScopedSettings indexSettings, SettingsFilter filter, IndexNameExpressionResolver resolver,
        Supplier<DiscoveryNodes> nodes, Predicate<NodeFeature> features) {
        return List.of(new DropDataStream(), new BaseRestHandler() {
            @Override
            public List<Route> routes() {
                return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
            }

            @Override
            public String getName() {
                return "root";
            }

            @Override
            protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
                var said = Map.of("name", cluster.getNodeName(), "cluster_name", cluster.getClusterName().value(), "cluster_uuid",
                    cluster.state().metadata().clusterUUID(), "version",
                    Map.of("number", Build.current().version(), "build_flavor", Build.current().flavor()), "tagline", "You Know, for Search");
                return channel -> channel.sendResponse(new RestResponse(RestStatus.OK, channel.newBuilder().map(said)));
            }
        });
    }

    /** Leaves the backing indices, which can be deleted then. */
    private final class DropDataStream extends BaseRestHandler {
        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.DELETE, "/_data_stream/{name}"));
        }

        @Override
        public String getName() {
            return "drop_data_stream";
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            String name = request.param("name");
            return channel -> cluster.submitUnbatchedStateUpdateTask("drop " + name, new ClusterStateUpdateTask() {
                @Override
                public ClusterState execute(ClusterState state) {
                    return ClusterState.builder(state).metadata(Metadata.builder(state.metadata()).removeDataStream(name)).build();
                }

                @Override
                public void clusterStateProcessed(ClusterState before, ClusterState after) {
                    channel.sendResponse(new RestResponse(RestStatus.OK, "dropped"));
                }

                @Override
                public void onFailure(Exception e) {
                    channel.sendResponse(new RestResponse(RestStatus.INTERNAL_SERVER_ERROR, e.toString()));
                }
            });
        }
    }

    @Override
    public Map<String, AnalysisModule.AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of("pattern_capture", AnalysisPlugin.requiresAnalysisSettings((index, environment, name, settings) -> {
            Pattern[] patterns = settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
            boolean keep = settings.getAsBoolean("preserve_original", true);
            return new TokenFilterFactory() {
                @Override
                public String name() {
                    return name;
                }

                @Override
                public TokenStream create(TokenStream of) {
                    return new PatternCaptureGroupTokenFilter(of, keep, patterns);
                }
            };
        }));
    }

    @Override
    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
        return List.of(PreConfiguredTokenFilter.singleton("unique", false, RemoveDuplicatesTokenFilter::new));
    }

    @Override
    public List<PreConfiguredTokenizer> getPreConfiguredTokenizers() {
        return List.of(PreConfiguredTokenizer.singleton("uax_url_email", UAX29URLEmailTokenizer::new));
    }
}
