// SPDX-License-Identifier: GPL-3.0-or-later
// The longest piece of work on the window's thread while a person searches, scrolls, filters, switches heads and
// brushes in a collection of 100,000 documents with 64 heads that each name 32, and, where a folder of result files
// is named, while these are opened and all their plots shown. Prints milliseconds; a frame is 16.
#include "tests/ui/retrieve_sample.h"
#include "tests/ui/watched_application.h"
#include "ui/pages/retrieve_page.h"
#include "ui/retrieve/document_list.h"
#include "ui/retrieve/head_grid.h"
#include "ui/retrieve/rank_columns.h"
#include "ui/retrieve/rank_view.h"
#include "ui/retrieve/result_panel.h"
#include "ui/retrieve/space_map.h"
#include "ui/retrieve/space_panel.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QComboBox>
#include <QElapsedTimer>
#include <QLineEdit>
#include <QScrollBar>
#include <QTabBar>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

using namespace fulgurite;

namespace {

constexpr std::size_t kDocuments = 100'000;
constexpr std::size_t kHeads = 64;
constexpr std::size_t kDepth = 32;
constexpr std::size_t kPage = 20'000;

// False when they did not arrive in time.
bool readTitles(DocumentStore& store) {
    const auto all = test::randomTitles(kDocuments);
    store.reset(kDocuments);
    for (std::size_t first = 0; first < kDocuments; first += kPage) {
        auto page = std::make_shared<client::DocumentColumns>();
        page->first = first;
        page->total = kDocuments;
        const auto cut = [&](const auto& values, auto& into) {
            into.assign(values.begin() + static_cast<std::ptrdiff_t>(first),
                        values.begin() + static_cast<std::ptrdiff_t>(first + kPage));
        };
        cut(all->titles, page->titles);
        cut(all->labels, page->labels);
        cut(all->characters, page->characters);
        store.append(page);
        if (!QTest::qWaitFor([&] { return store.texts()->size() == first + kPage; }, 20000)) {
            return false;
        }
    }
    return true;
}

} // namespace

int main(int argc, char** argv) {
    test::WatchedApplication application(argc, argv);
    const QTemporaryDir folder;
    Desktop desktop(DesktopOptions{.workspace = folder.path(), .open = {}, .with_engine = false});
    desktop.window().resize(1440, 900);
    desktop.show();
    desktop.window().showPage(QStringLiteral("retrieve"));
    auto* page = qobject_cast<RetrievePage*>(desktop.window().page(QStringLiteral("retrieve")));
    if (page == nullptr) {
        std::printf("there is no Retrieve page\n");
        return 1;
    }
    QTest::qWait(500);
    application.print("start");

    RetrieveSession& session = page->session();
    page->findChild<RankView*>()->setMessage({});
    page->findChild<QTabBar*>()->setCurrentIndex(2);
    if (!readTitles(session.documents())) {
        return 1;
    }
    QTest::qWait(200);
    application.print("100,000 titles arrive");

    session.heads().reset(kHeads);
    auto& spaces = *page->findChild<SpacePanel*>();
    spaces.setProjection(test::randomProjection(-1, kDocuments, 1));
    spaces.setProjection(test::randomProjection(0, kDocuments, 2));
    QTest::qWait(300);
    application.print("two maps of 100,000 points");

    QElapsedTimer ranking;
    session.setReply(test::randomReply(kDocuments, kHeads, kDepth, 3), 100);
    QTest::qWait(300);
    application.print("a search with three columns of 100");

    auto* columns = page->findChild<RankColumns*>();
    for (int i = 0; i < 60; ++i) {
        QTest::keyClick(columns, i % 10 == 9 ? Qt::Key_Left : Qt::Key_Down);
        QTest::qWait(5);
    }
    application.print("walking the hits");
    QTest::keyClick(columns, Qt::Key_Return);
    QTest::qWait(400);
    application.print("opening a hit");
    double toggles = 0;
    for (std::size_t head = 0; head < kHeads; ++head) {
        ranking.start();
        session.heads().toggle(head % 7);
        toggles = std::max(toggles, static_cast<double>(ranking.nsecsElapsed()) / 1e6);
        QTest::qWait(8);
    }
    application.print("switching heads, painting");
    std::printf("%-34s longest %6.2f ms (clock)\n", "switching heads, ranking", toggles);

    auto& list = *page->findChild<DocumentList*>();
    for (int i = 0; i < 200; ++i) {
        list.view().verticalScrollBar()->setValue(list.view().verticalScrollBar()->maximum() / 200 * i);
        QTest::qWait(2);
    }
    application.print("scrolling 100,000 documents");
    for (const char* words : {"number", "number 7", "number 77", "ships 9", "no such words", ""}) {
        list.filter().setText(QLatin1String(words));
        QTest::qWait(400);
    }
    application.print("filtering 100,000 documents");

    SpaceMap& map = spaces.headMap();
    for (int i = 1; i <= 20; ++i) {
        const QRectF plot = map.plotRect();
        QTest::mousePress(&map, Qt::LeftButton, Qt::NoModifier, plot.topLeft().toPoint() + QPoint(3, 3));
        const QPoint to = (plot.topLeft() + QPointF(plot.width(), plot.height()) * i / 21).toPoint();
        QTest::mouseMove(&map, to);
        QTest::mouseRelease(&map, Qt::LeftButton, Qt::NoModifier, to);
        QTest::qWait(10);
    }
    application.print("brushing 100,000 points");
    session.setFiltered(true);
    QTest::qWait(300);
    application.print("filtering by the brush");
    for (int i = 0; i < 20; ++i) {
        map.zoomAt(map.range().center(), i < 10 ? 1.3 : 1 / 1.3);
        QTest::qWait(10);
    }
    application.print("zooming a map");
    if (argc > 1) {
        page->findChild<QTabBar*>()->setCurrentIndex(1);
        auto& results = *page->findChild<ResultPanel*>();
        results.open({QString::fromLocal8Bit(argv[1])});
        QTest::qWait(3000);
        for (int file = 0; file < results.sources().count(); ++file) {
            results.sources().setCurrentIndex(file);
            for (int figure = 0; figure < results.figures().count(); ++figure) {
                results.figures().setCurrentIndex(figure);
                QTest::qWait(20);
            }
        }
        application.print("result files and their plots");
    }
    return 0;
}
