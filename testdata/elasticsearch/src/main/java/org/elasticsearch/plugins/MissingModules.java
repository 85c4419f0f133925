package org.elasticsearch.plugins;

import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.mapper.KeywordFieldMapper;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.NumberFieldMapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.indices.SystemIndexDescriptor;
import org.elasticsearch.xpack.core.async.AsyncTaskIndexService;

import java.util.Collection;
import java.util.List;
import java.util.Map;

/** What tests need of modules that are not published: field types of Elastic's templates, and the index of async queries. */
public final class MissingModules extends Plugin implements MapperPlugin, SystemIndexPlugin {
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
}
