//! The pages in a real browser, on real services: db-service, script-service, dashboard-service.
//!
//! Without Chromium the tests count as ignored; `COMPTOIR_REQUIRE_BROWSER=1` makes that a failure. Pictures of the pages
//! are left in `target/tmp/dashboard`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod figures;
mod filters;
mod forecasts;
mod imports;
mod pages;
mod pictures;
mod stage;
mod states;
mod weight;
mod wizard;

use std::process::ExitCode;
use test_kit::{Need, Trials, missing_browser, trials};

const REQUIRED_BY: &str = "COMPTOIR_REQUIRE_BROWSER";

fn main() -> ExitCode {
    let browser = Need::new(missing_browser(), REQUIRED_BY);
    let axe = Need::new(missing_browser().or_else(access::missing_axe), REQUIRED_BY);
    Trials::default()
        .and(trials!(axe; access: [axe_finds_nothing_of_level_a_or_aa]))
        .and(trials!(browser;
            access: [
                the_browser_chooses_the_language_and_the_visitor_another,
                everything_can_be_done_with_the_keyboard,
                the_policy_holds,
            ],
            figures: [
                the_widgets_show_the_sample,
                the_charts_are_drawn,
                a_pointer_that_rests_is_told_figure_and_share,
                the_first_document_holds_total_and_tables,
                a_table_that_was_sorted_is_saved_in_that_order,
                a_chart_is_saved_as_a_picture,
                files_hold_what_is_on_the_screen,
            ],
            filters: [
                a_click_on_a_region_filters_everything_else,
                an_address_brings_everything_back,
                a_filter_is_one_small_request_and_a_preset_stays,
                an_older_request_is_given_up,
            ],
            forecasts: [
                the_curve_goes_on_as_a_forecast_with_its_model_and_interval,
                a_forecast_is_asked_for_and_stands_in_the_history,
                models_are_compared_and_the_one_to_use_is_marked,
                a_past_forecast_stands_beside_what_came,
            ],
            imports: [
                a_dropped_file_is_imported_and_its_rejects_are_to_be_had,
                an_import_of_every_day_is_made_run_and_deleted,
                a_page_follows_what_others_import,
            ],
            pages: [
                every_analysis_has_its_page_and_chart,
                an_analysis_of_ones_own_is_drawn_and_a_broken_one_named,
                an_analysis_has_presets_and_words_of_the_reader,
                parameters_of_an_analysis_are_in_its_address,
                jobs_are_listed_with_their_counters,
            ],
            pictures: [
                a_desktop_in_light_and_dark,
                a_phone_has_nothing_beyond_its_edge,
                the_wizard_in_both_languages_wide_and_narrow,
                the_overview_prints_on_a4,
            ],
            states: [
                an_empty_database_invites_to_import,
                a_service_that_is_down_is_named_and_tried_again,
                an_answer_that_tarries_is_not_waited_for,
                a_bad_filter_is_named,
                a_selection_without_sales_is_not_an_error,
            ],
            wizard: [
                an_export_of_a_web_shop_is_imported_without_an_answer,
                a_workbook_with_french_headers_is_imported_in_french,
                a_question_is_answered_with_one_click_and_by_keyboard,
                a_question_without_an_answer_holds_the_import_back,
                files_that_are_dropped_together_go_off_as_one_job,
                a_file_that_is_no_sales_says_why_and_does_not_stop_the_others,
                a_reload_goes_on_with_the_job_and_it_can_be_cancelled,
                a_file_on_its_way_can_be_held_back,
                an_import_is_undone_beside_its_report,
            ],
            weight: [
                the_first_visit_is_light_and_later_ones_are_lighter,
            ],
        ))
        .run()
}
