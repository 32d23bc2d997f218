"""The addresses of the library, of recordings and of search."""

from django.urls import path

from transcripts.views import library, recording, search, tray, upload

urlpatterns = [
    path("", library.library, name="library"),
    path("rows/", library.library_rows, name="library_rows"),
    path("tray/", tray.tray, name="tray"),
    path("recordings/<int:pk>/", recording.recording, name="recording"),
    path("recordings/<int:pk>/blocks/<int:number>/", recording.block, name="recording_block"),
    path("recordings/<int:pk>/progress/", recording.progress, name="recording_progress"),
    path("recordings/<int:pk>/waveform", recording.waveform, name="recording_waveform"),
    path("recordings/<int:pk>/find/", recording.find, name="recording_find"),
    path("search/", search.search_page, name="search"),
    path("upload/", upload.upload, name="upload"),
]
