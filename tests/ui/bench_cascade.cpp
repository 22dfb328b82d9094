// SPDX-License-Identifier: GPL-3.0-or-later
// The longest piece of work on the window's thread while a person scrolls a library of 100,000 images, searches it
// and moves a cut: files of the 300 sample scenes, each listed under more than 300 names. Prints milliseconds; a
// frame is 16.
#include "core/cascade/library_service.h"
#include "tests/ui/watched_application.h"
#include "ui/base/paths.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/funnel_view.h"
#include "ui/cascade/image_grid.h"
#include "ui/cascade/library_view.h"
#include "ui/cascade/result_view.h"
#include "ui/cascade/score_histogram.h"
#include "ui/cascade/stage_column.h"
#include "ui/pages/cascade_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QScrollBar>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>

#include <cstdio>

using namespace fulgurite;

namespace {

constexpr int kImages = 100'000;

// The sample scenes, read; then names enough in a folder that is not there, so that no scan forgets them.
void prepare(const std::filesystem::path& data, const std::filesystem::path& scenes) {
    cascade::LibraryId id = 0;
    {
        const std::filesystem::path models = scenes.parent_path().parent_path() / "models";
        cascade::LibraryService service({.data = data, .encoders = {models / "spyglass-s"}, .watch = false});
        id = service.create("Many", {scenes.string()});
        service.scan(id, cascade::ScanAction::Start);
        service.waitForScan(id);
        service.change(id, std::nullopt, std::vector<std::string>{scenes.string(), "/not-there"});
    }
    cascade::LibraryStore store(data);
    const auto contents = store.contents(id);
    Transaction transaction(store.database());
    for (int i = static_cast<int>(contents.size()); i < kImages; ++i) {
        const auto& [image, content] = contents[static_cast<std::size_t>(i) % contents.size()];
        store.setImage(id, fmt::format("/not-there/{:06}.jpg", i), content, 1, 1);
    }
    transaction.commit();
}

} // namespace

int main(int argc, char** argv) {
    test::WatchedApplication application(argc, argv);
    const QTemporaryDir folder;
    prepare((Paths::inside(folder.path()).data + "/engine").toStdString(), findSampleScenes().toStdString());
    Desktop desktop(DesktopOptions{.workspace = folder.path(), .open = {}, .with_engine = true});
    desktop.window().resize(1440, 900);
    desktop.show();
    desktop.window().showPage(QStringLiteral("cascade"));
    auto& page = *qobject_cast<CascadePage*>(desktop.window().page(QStringLiteral("cascade")));
    const bool ready = QTest::qWaitFor(
        [&page] {
            const client::ImageLibrary* library = page.search().library();
            return library && !library->scan && library->images == std::size_t{kImages};
        },
        120000);
    if (!ready) {
        std::printf("the library was not read\n");
        return 1;
    }
    QTest::qWait(1000);
    application.print("start");

    page.tabs().setCurrentWidget(&page.library());
    QTest::qWait(500);
    application.print("all 100,000 images");
    QScrollBar& bar = *page.library().grid().verticalScrollBar();
    for (int i = 0; i < 300; ++i) {
        bar.setValue(bar.value() + bar.singleStep() / 4);
        QTest::qWait(8);
    }
    application.print("scrolling slowly");
    for (int i = 0; i <= 200; ++i) {
        bar.setValue(static_cast<int>(static_cast<qint64>(bar.maximum()) * i / 200));
        QTest::qWait(8);
    }
    application.print("scrolling from end to end");
    page.library().grid().setFocus();
    for (int i = 0; i < 50; ++i) {
        QTest::keyClick(&page.library().grid(), i % 2 == 0 ? Qt::Key_PageUp : Qt::Key_Left);
        QTest::qWait(8);
    }
    application.print("by keys");
    for (const char* words : {"a dog", "two red apples", "a small cat on plain red"}) {
        page.searchFor(QLatin1String(words));
        if (!QTest::qWaitFor([&page] { return !page.search().searching() && page.search().answer(); }, 60000))
            return 1;
        QTest::qWait(500);
    }
    application.print("three searches");
    ScoreHistogram& histogram = page.funnel().columns().front()->histogram();
    histogram.setFocus();
    for (int i = 0; i < 60; ++i) {
        QTest::keyClick(&histogram, i % 3 == 0 ? Qt::Key_PageUp : Qt::Key_Left);
        QTest::qWait(8);
    }
    application.print("moving a cut");
    return 0;
}
