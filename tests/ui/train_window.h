// SPDX-License-Identifier: GPL-3.0-or-later
// For tests: a window with its Train page in front.
#pragma once

#include "tests/ui/train_samples.h"
#include "ui/pages/train_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"
#include "ui/train/chart_grid.h"
#include "ui/train/run_feed.h"

#include <QTemporaryDir>
#include <QTest>

namespace fulgurite::test {

// A window without an engine, its Train page in front, and a runs file.
struct TrainWindow {
    QTemporaryDir folder;
    Desktop desktop{{.workspace = folder.path() + QStringLiteral("/workspace"), .open = {}, .with_engine = false}};
    std::filesystem::path file = (folder.path() + QStringLiteral("/test.fulgurite")).toStdString();

    TrainWindow() {
        desktop.window().resize(1440, 900);
        desktop.show();
        desktop.window().showPage(QStringLiteral("train"));
    }
    TrainPage& page() { return *qobject_cast<TrainPage*>(desktop.window().page(QStringLiteral("train"))); }
    void open() {
        page().openFile(QString::fromStdString(file.string()));
        QTRY_VERIFY(!page().feed().runs()->empty());
        settle();
    }
    void settle() {
        QTest::qWait(60);
        QTRY_VERIFY_WITH_TIMEOUT(page().grid().settled() && !page().grid().chartIds().isEmpty(), 20000);
    }
    CurveChart& chart(const char* id) { return *page().grid().chart(QLatin1String(id)); }
    void write(const RunRecipe& recipe, RunStatus status = RunStatus::Finished) {
        const auto run = beginRun(file, recipe);
        writeSteps(*run, recipe, 0, recipe.steps);
        run->finish(status);
    }
};

} // namespace fulgurite::test
