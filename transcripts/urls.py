"""The addresses of the library, of recordings and of search."""

from django.urls import path

from transcripts.views import (
    dashboard,
    exports,
    insights,
    library,
    presets,
    recording,
    search,
    speakers,
    tray,
    upload,
    uploads,
)

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("progress/", dashboard.progress, name="dashboard_progress"),
    path("library/", library.library, name="library"),
    path("rows/", library.library_rows, name="library_rows"),
    path("recordings/", library.recordings_change, name="recordings_change"),
    path("tray/", tray.tray, name="tray"),
    path("upload/", upload.upload, name="upload"),
    path("upload/by-url/", uploads.upload_by_url, name="upload_by_url"),
    path("uploads/", uploads.uploads, name="uploads"),
    path("uploads/<uuid:pk>/", uploads.upload_chunk, name="upload_chunk"),
    path("presets/", presets.presets, name="presets"),
    path("presets/<int:pk>/default/", presets.preset_default, name="preset_default"),
    path("presets/<int:pk>/delete/", presets.preset_delete, name="preset_delete"),
    path("recordings/<int:pk>/", recording.recording, name="recording"),
    path("recordings/<int:pk>/blocks/<int:number>/", recording.block, name="recording_block"),
    path("recordings/<int:pk>/progress/", recording.progress, name="recording_progress"),
    path("recordings/<int:pk>/waveform", recording.waveform, name="recording_waveform"),
    path("recordings/<int:pk>/audio", exports.recording_audio, name="recording_audio"),
    path("recordings/<int:pk>/file", exports.recording_file, name="recording_file"),
    path(
        "recordings/<int:pk>/transcript.<str:kind>",
        exports.recording_export,
        name="recording_export",
    ),
    path("recordings/<int:pk>/find/", recording.find, name="recording_find"),
    path("recordings/<int:pk>/insight/", insights.insight, name="recording_insight"),
    path("recordings/<int:pk>/insight/order/", insights.insight_order, name="insight_order"),
    path("recordings/<int:pk>/speakers/", speakers.speaker_rename, name="speaker_rename"),
    path("recordings/<int:pk>/rename/", recording.recording_rename, name="recording_rename"),
    path("recordings/<int:pk>/cancel/", recording.recording_cancel, name="recording_cancel"),
    path("recordings/<int:pk>/retry/", recording.recording_retry, name="recording_retry"),
    path("recordings/<int:pk>/delete/", recording.recording_delete, name="recording_delete"),
    path("search/", search.search_page, name="search"),
    path("search/results/", search.search_results, name="search_results"),
]
