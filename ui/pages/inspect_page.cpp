// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the Inspect page: views in their places, one selection, one source.
#include "ui/pages/inspect_page.h"

#include "core/probe/capture/decay.h"
#include "core/probe/capture/held_heads.h"
#include "ui/base/gap_splitter.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/inspect/ablation_view.h"
#include "ui/inspect/capture_bar.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/decay_view.h"
#include "ui/inspect/inspect_header.h"

#include <QDir>
#include <QDragEnterEvent>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QMenu>
#include <QMimeData>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

namespace fulgurite {
namespace {

constexpr int kStripHeight = 132;
constexpr int kMiddleHeight = 428;
constexpr int kLeftWidth = 366;
constexpr int kRightWidth = 450;
constexpr int kMostRecent = 10;
constexpr qint64 kMostConfigBytes = 1 << 20; // the published ones have about 2 KB

const QString kCaptureSuffix = QStringLiteral(".fcap");

// The capture or config that a drag brings; empty: neither.
QString droppedFile(const QDropEvent* event) {
    const QList<QUrl> urls = event->mimeData()->urls();
    const QString file = urls.size() == 1 ? urls.first().toLocalFile() : QString();
    return file.endsWith(kCaptureSuffix) || QFileInfo(file).fileName() == QStringLiteral("config.json") ? file : QString();
}

// What the loaded model's shape says; enough for the decay of its heads.
ModelConfig shapeOf(const client::ModelInfo& model) {
    ModelConfig config;
    for (const std::string& kind : model.layers) {
        config.layers.push_back(kind == "softmax" ? LayerKind::Softmax : LayerKind::Lightning);
    }
    config.num_heads = static_cast<int>(model.heads);
    return config;
}

QJsonArray toJson(const QStringList& texts) {
    return QJsonArray::fromStringList(texts);
}

} // namespace

InspectPage::InspectPage(const ShellContext& shell)
    : Page(QStringLiteral("inspect"), shell), courier_(std::make_shared<Courier>(this)) {
    setAcceptDrops(true);
    build();
    buildCapture();
    registerActions();
    connect(&selection_, &Selection::changed, this, &InspectPage::followSelection);
    connect(&shell.link, &EngineLink::infoChanged, this, &InspectPage::followEngine);
    connect(&shell.link, &EngineLink::clientChanged, this, &InspectPage::followEngine);
    followEngine();
}

InspectPage::~InspectPage() {
    courier_->close();
    // The source goes before the views do.
    for (InspectView* each : views_) {
        each->setSource(nullptr);
    }
}

void InspectPage::build() {
    header_ = new InspectHeader(context().themes, selection_, this);
    tabs_ = new QStackedWidget;
    rows_ = makeSplitter(Qt::Vertical, QStringLiteral("inspect-rows"));
    columns_ = makeSplitter(Qt::Horizontal, QStringLiteral("inspect-columns"));
    auto* board = new QWidget;
    auto* around = new QVBoxLayout(board);
    around->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, metrics::kGap);
    around->addWidget(rows_);
    tabs_->addWidget(board);
    auto* body = new QWidget;
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    bar_ = new CaptureBar(context().themes);
    column->addWidget(bar_);
    column->addWidget(tabs_, 1);
    setCentralWidget(body);

    const InspectServices services{context().themes, selection_, context().actions, context().link};
    QStringList titles{tr("Heads and experts")};
    tab_ids_ << QStringLiteral("board");
    std::array<InspectView*, 5> slots_of_board{};
    for (const auto& [slot, view] : makeInspectViews(services)) {
        views_.push_back(view);
        connect(view, &InspectView::captureWanted, this, &InspectPage::captureWanted);
        if (slot == InspectSlot::Tab) {
            auto* page = new QWidget;
            auto* margin = new QVBoxLayout(page);
            margin->setContentsMargins(metrics::kGap, metrics::kGap, metrics::kGap, metrics::kGap);
            margin->addWidget(view);
            tabs_->addWidget(page);
            titles << view->title();
            tab_ids_ << view->id();
        } else {
            slots_of_board[static_cast<std::size_t>(slot)] = view;
        }
    }
    const auto place = [&](InspectSlot slot, QSplitter* into, int stretch, int least) {
        if (InspectView* view = slots_of_board[static_cast<std::size_t>(slot)]) {
            into->addWidget(view);
            into->setStretchFactor(into->count() - 1, stretch);
            (into == rows_ ? view->setMinimumHeight(least) : view->setMinimumWidth(least));
        }
    };
    place(InspectSlot::Strip, rows_, 0, 96);
    place(InspectSlot::Left, columns_, 0, 290);
    place(InspectSlot::Center, columns_, 1, 320);
    place(InspectSlot::Right, columns_, 0, 300);
    rows_->addWidget(columns_);
    rows_->setStretchFactor(rows_->count() - 1, 1);
    place(InspectSlot::Bottom, rows_, 1, 150);
    resetPanes();

    header_->setTabs(titles);
    connect(header_, &InspectHeader::tabChosen, tabs_, &QStackedWidget::setCurrentIndex);
    capture_menu_ = new QMenu(header_);
    capture_menu_->setToolTipsVisible(true);
    connect(capture_menu_, &QMenu::aboutToShow, this, &InspectPage::fillCaptureMenu);
    header_->setCaptureMenu(capture_menu_);
    if (auto* ablation = qobject_cast<AblationView*>(view(QStringLiteral("ablation")))) {
        connect(ablation, &AblationView::branchWanted, this, &InspectPage::branchUnder);
    }
    if (auto* decay = qobject_cast<DecayView*>(view(QStringLiteral("decay")))) {
        connect(decay, &DecayView::openConfigWanted, this, &InspectPage::chooseConfig);
    }
}

void InspectPage::resetPanes() {
    const ThemeManager& themes = context().themes;
    const auto large = [&themes](int pixels) { return std::max(pixels, themes.scaled(pixels)); };
    rows_->setSizes({large(kStripHeight), large(kMiddleHeight), large(236)});
    columns_->setSizes({large(kLeftWidth), large(530), large(kRightWidth)});
}

QWidget* InspectPage::headerWidget() {
    return header_;
}

InspectView* InspectPage::view(const QString& id) const {
    const auto found =
        std::find_if(views_.begin(), views_.end(), [&id](const InspectView* each) { return each->id() == id; });
    return found == views_.end() ? nullptr : *found;
}

QJsonObject InspectPage::saveSession() const {
    const auto* file = qobject_cast<const CaptureFileSource*>(source_.get());
    QJsonObject states;
    for (const InspectView* each : views_) {
        states[each->id()] = each->saveState();
    }
    return {{"rows", QString::fromLatin1(rows_->saveState().toBase64())},
            {"columns", QString::fromLatin1(columns_->saveState().toBase64())},
            {"tab", header_->currentTab()},
            {"views", states},
            {"recent", toJson(recent_)},
            {"capture", file ? file->path() : QString()}};
}

void InspectPage::restoreSession(const QJsonObject& session) {
    const auto bytes = [&session](const char* key) {
        return QByteArray::fromBase64(session[QLatin1String(key)].toString().toLatin1());
    };
    rows_->restoreState(bytes("rows"));
    columns_->restoreState(bytes("columns"));
    for (const QJsonValue& file : session[QStringLiteral("recent")].toArray()) {
        recent_ << file.toString();
    }
    if (const int tab = session[QStringLiteral("tab")].toInt(); tab > 0 && tab < tabs_->count()) {
        header_->setCurrentTab(tab);
    }
    for (InspectView* each : views_) {
        each->restoreState(session[QStringLiteral("views")].toObject()[each->id()].toObject());
    }
    // A file that was moved away since is no error of this start.
    if (const QString last = session[QStringLiteral("capture")].toString(); QFileInfo::exists(last)) {
        openCapture(last);
    }
}

void InspectPage::openCapture(const QString& file) {
    const quint64 mine = ++opening_;
    CaptureFileSource::open(
        file, this, [this, file, mine](const client::Outcome<std::shared_ptr<const capture::CaptureFile>>& opened) {
            if (mine != opening_) {
                return;
            }
            if (!opened.ok()) {
                reportFailure(QString::fromUtf8(opened.error().what()));
                return;
            }
            remember(QFileInfo(file).absoluteFilePath());
            setSource(std::make_unique<CaptureFileSource>(opened.value(), QFileInfo(file).absoluteFilePath()));
        });
}

void InspectPage::openConfig(const QString& file) {
    try {
        QFile json(file);
        if (!json.open(QIODevice::ReadOnly)) {
            fail(ErrorKind::Io, "{}: {}", file.toStdString(), json.errorString().toStdString());
        }
        const ModelConfig config =
            ModelConfig::parse(json.read(kMostConfigBytes).toStdString(), file.toStdString());
        showShape(config, QFileInfo(file).dir().dirName() + u'/' + QFileInfo(file).fileName());
    } catch (const Error& error) {
        reportFailure(QString::fromUtf8(error.what()));
    }
}

void InspectPage::showShape(const ModelConfig& config, const QString& name) {
    closeCapture();
    config_opened_ = true;
    setDecay(capture::decayMap(config));
    header_->setCapture(name, tr("%1: a shape without weights; its decay horizon is exact").arg(name));
    updateActions();
}

void InspectPage::closeCapture() {
    ++opening_;
    setSource(nullptr);
    config_opened_ = false;
    followEngine();
}

void InspectPage::setSource(std::unique_ptr<InspectionSource> source) {
    for (InspectView* each : views_) {
        each->setSource(nullptr);
    }
    source_ = std::move(source);
    captured_turn_ = 0;
    selection_.clear(startState());
    if (source_) {
        config_opened_ = false;
        setDecay(capture::decayMap(source_->info().config));
    }
    for (InspectView* each : views_) {
        each->setSource(source_.get());
    }
    showCaptureName();
    updateActions();
    followSelection();
    emit sourceChanged();
}

// The last token that was captured: the one whose answer came last.
InspectState InspectPage::startState() const {
    InspectState state;
    if (!source_ || source_->info().tokens == 0) {
        return state;
    }
    const capture::CaptureInfo& info = source_->info();
    state.query = info.positions.empty() ? info.tokens - 1 : info.positions.back();
    if (!info.attention_layers.empty()) {
        const int layer = info.attention_layers.front();
        state.head = capture::HeadRef{layer, capture::heldHeads(info, layer).front()};
    }
    return state;
}

void InspectPage::setDecay(const capture::DecayMap& decay) {
    decay_ = decay;
    for (InspectView* each : views_) {
        each->setDecay(decay_);
    }
}

void InspectPage::followEngine() {
    updateOffer();
    if (source_ || config_opened_) {
        return;
    }
    const auto& info = context().link.info();
    setDecay(info && !info->model.layers.empty() ? capture::decayMap(shapeOf(info->model)) : capture::DecayMap{});
}

void InspectPage::followSelection() {
    const InspectState& state = selection_.state();
    if (state.head && state.head->layer < static_cast<int>(decay_.layers.size())) {
        header_->setHeadKind(decay_.layers[static_cast<std::size_t>(state.head->layer)]);
    }
    const quint64 mine = ++texts_asked_;
    if (!source_ || !state.query) {
        header_->setTokenTexts({}, {});
        return;
    }
    // Two single tokens, told together, so that the chips change once.
    const auto text = [](const client::Outcome<std::vector<capture::CapturedToken>>& tokens) {
        return tokens.ok() && !tokens.value().empty() ? QString::fromStdString(tokens.value().front().text)
                                                      : QString();
    };
    source_->tokens(*state.query, 1, [this, mine, text, from = state.source](const auto& query) {
        if (mine != texts_asked_ || !source_) {
            return;
        }
        if (!from) {
            header_->setTokenTexts(text(query), {});
            return;
        }
        source_->tokens(*from, 1, [this, mine, text, shown = text(query)](const auto& source) {
            if (mine == texts_asked_) {
                header_->setTokenTexts(shown, text(source));
            }
        });
    });
}

void InspectPage::remember(const QString& file) {
    recent_.removeAll(file);
    recent_.prepend(file);
    recent_ = recent_.mid(0, kMostRecent);
}

void InspectPage::reportFailure(const QString& message) {
    context().notices.post({.id = "inspect", .severity = Severity::Error, .text = message, .details = {}});
}

void InspectPage::dragEnterEvent(QDragEnterEvent* event) {
    if (!droppedFile(event).isEmpty()) {
        event->acceptProposedAction();
    }
}

void InspectPage::dropEvent(QDropEvent* event) {
    openFile(droppedFile(event));
    event->acceptProposedAction();
}

void InspectPage::openFile(const QString& file) {
    if (file.endsWith(kCaptureSuffix)) {
        openCapture(file);
    } else {
        openConfig(file);
    }
}

} // namespace fulgurite
