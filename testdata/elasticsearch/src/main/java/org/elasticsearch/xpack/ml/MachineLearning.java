package org.elasticsearch.xpack.ml;

import org.elasticsearch.license.License.OperationMode;
import org.elasticsearch.license.LicensedFeature;

/** The features that CHANGE_POINT and CATEGORIZE ask a licence for: a basic one refuses, and without the class nothing would answer. */
public final class MachineLearning {
    public static final LicensedFeature.Momentary CATEGORIZE_TEXT_AGG_FEATURE = LicensedFeature.momentary("ml", "categorize", OperationMode.PLATINUM);
    public static final LicensedFeature.Momentary CHANGE_POINT_AGG_FEATURE = LicensedFeature.momentary("ml", "change-point", OperationMode.PLATINUM);

    private MachineLearning() {}
}
